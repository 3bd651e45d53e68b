"""How a search proceeds: its sampler, its pruner, its budget, and the study that confirms the result.

Keys of a search file are the aliases of these fields: ``stop: {kind: asha, grace: 0.25, reduction: 3}``.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import OpenFraction, Spec

Seed = Annotated[int, Field(ge=0, lt=2**32, description="Random seed of the suggestions, not of the training.")]


class Tpe(Spec):
    """Suggests what resembles the best candidates so far (TPE).

    A tree-structured Parzen estimator, by Optuna; parameters are looked at one by one.

    Use: a search of some dozens of candidates.
    Cost: none.
    Paper: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization".
    """

    kind: Literal["tpe"] = "tpe"
    seed: Seed = 0
    n_startup_trials: Annotated[
        int,
        Field(
            ge=1,
            le=limits.CANDIDATES,
            alias="startup",
            description="Candidates that are drawn at random before it learns from them. 10 as in Optuna.",
        ),
    ] = 10


class Random(Spec):
    """Suggests every candidate independently of those before.

    Use: a small budget, many parameters, or a fair picture of the whole space.
    Cost: none.
    Paper: Bergstra & Bengio 2012, "Random Search for Hyper-Parameter Optimization".
    """

    kind: Literal["random"] = "random"
    seed: Seed = 0


class NoPruner(Spec):
    """Every candidate trains to its end.

    Use: short trainings, or candidates that are late to show what they can do (a deferred method, a schedule).
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Asha(Spec):
    """Stops candidates that lag behind others (ASHA).

    Asynchronous successive halving: they are compared at the same epoch, by the weights as they are then, not by an
    average of them.

    Use: many candidates of which most are bad early on.
    Cost: none: it saves epochs.
    Paper: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning".
    """

    kind: Literal["asha"] = "asha"
    grace_period: Annotated[
        OpenFraction,
        Field(
            alias="grace",
            description="Fraction of training that every candidate gets; the first look is then. "
            "0.25 is 10 of 40 epochs.",
        ),
    ] = 0.25
    reduction_factor: Annotated[
        float,
        Field(
            ge=1.1,
            le=100,
            alias="reduction",
            description="At each look the best one in so many goes on, and the next look comes after so many times as "
            "many epochs. 3 keeps a third of them.",
        ),
    ] = 3.0

    def grace_epochs(self, epochs: int) -> int:
        """Epochs that every candidate gets: the nearest number, half up, at least one."""
        return max(1, math.floor(self.grace_period * epochs + 0.5))


class Budget(Spec):
    """What a search may spend, in all its runs together; the sooner of the two ends it."""

    trials: Annotated[int, Field(ge=2, le=limits.CANDIDATES)] | None = Field(
        default=None, description="Candidates in all, the base among them."
    )
    hours: Annotated[float, Field(ge=0.001, le=limits.HOURS)] | None = Field(
        default=None, description="Hours after which no candidate is begun, a year at most."
    )

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.trials is None and self.hours is None:
            raise ValueError("give trials, hours or both")
        return self


class Confirm(Spec):
    """The study that confirms the result, best.yaml: base and the best candidates, over new seeds."""

    best: int = Field(
        default=3, ge=1, le=limits.BEST, description="Candidates that become arms; each one more makes tests stricter."
    )
    seeds: int = Field(
        default=5, ge=1, le=limits.SEEDS, description="Seeds of every arm, none of them the one that the search used."
    )


Sampling = Annotated[Tpe | Random, Field(discriminator="kind")]
Pruning = Annotated[NoPruner | Asha, Field(discriminator="kind")]


class SearchOptions(Spec):
    """How a search proceeds."""

    sampler: Sampling = Field(default=Tpe(), description="How the next candidate is suggested.")
    pruner: Annotated[
        Pruning, Field(alias="stop", description="Whether candidates that lag behind are stopped early.")
    ] = NoPruner()
    budget: Budget = Field(
        default=Budget(trials=20), description="What the search may spend; the options --trials and --hours win."
    )
    confirm: Confirm = Field(default=Confirm(), description="How large the study is that confirms the best.")
