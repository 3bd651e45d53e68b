"""How a search proceeds: its sampler, its pruner, its budget, and the study that confirms the result.

Keys of a search file are the aliases of these fields: ``stop: {kind: asha, grace: 0.25, reduction: 3}``.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import OpenFraction, Positive, Spec


class Tpe(Spec):
    """Tree-structured Parzen estimator (Bergstra et al. 2011), by Optuna: it learns after some random candidates."""

    kind: Literal["tpe"] = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    n_startup_trials: Annotated[int, Field(ge=1, le=limits.CANDIDATES, alias="startup")] = 10


class Random(Spec):
    """Every candidate independent of those before."""

    kind: Literal["random"] = "random"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class NoPruner(Spec):
    """Every candidate trains to its end."""

    kind: Literal["none"] = "none"


class Asha(Spec):
    """Asynchronous successive halving (Li et al. 2020).

    From ``grace_period`` (a fraction of training) on, and again each ``reduction_factor`` times as many epochs later, a
    candidate continues where it is among the best 1 / ``reduction_factor`` of those that came as far. It is judged by
    the weights as they are then, not by an average of them.
    """

    kind: Literal["asha"] = "asha"
    grace_period: Annotated[OpenFraction, Field(alias="grace")] = 0.25
    reduction_factor: Annotated[float, Field(gt=1, alias="reduction")] = 3.0

    def grace_epochs(self, epochs: int) -> int:
        """Epochs that every candidate gets: the nearest number, half up, at least one."""
        return max(1, math.floor(self.grace_period * epochs + 0.5))


class Budget(Spec):
    """What a search may spend, in all its runs together; the sooner of the two ends it."""

    trials: Annotated[int, Field(ge=2, le=limits.CANDIDATES)] | None = None
    hours: Positive | None = None

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.trials is None and self.hours is None:
            raise ValueError("give trials, hours or both")
        return self


class Confirm(Spec):
    """The study that confirms the result: base and the ``best`` candidates, with so many ``seeds``."""

    best: Annotated[int, Field(ge=1, le=limits.BEST)] = 3
    seeds: Annotated[int, Field(ge=1, le=limits.SEEDS)] = 5


Sampling = Annotated[Tpe | Random, Field(discriminator="kind")]
Pruning = Annotated[NoPruner | Asha, Field(discriminator="kind")]


class SearchOptions(Spec):
    """How a search proceeds."""

    sampler: Sampling = Tpe()
    pruner: Annotated[Pruning, Field(alias="stop")] = NoPruner()
    budget: Budget = Budget(trials=20)
    confirm: Confirm = Confirm()
