"""How weights are learned and averaged: optimisers and averages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.config import limits
from raysat.config.families.base import Fraction, Rate, Spec, Strength
from raysat.config.plugins.settings import AverageSettings, Family

# --- optimisers


class _Optim(Spec):
    lr: Rate = Field(
        default=1e-3,
        description="Learning rate; the schedule shapes it, or brings rates of its own in its place (triangular, "
        "triangular2, exp_range, one_cycle). 1e-3 is Adam's usual one and that of Rawal & Pradhan 2020; SGD often "
        "wants 0.01 to 0.1.",
    )
    weight_decay: Strength = Field(
        default=0.0,
        le=limits.RATE,
        description="How strongly weights are pulled towards zero, as a term of the gradient; 0 is not at all.",
    )
    batch_size: int = Field(
        default=32,
        ge=2,
        le=limits.PATCHES,
        description="Patches a step, over all workers of a trial together; at most the training patches of the store.",
    )
    epochs: int = Field(
        default=40,
        ge=1,
        le=limits.EPOCHS,
        description="Passes over the training patches; milestones are fractions of it. 40 as in Rawal & Pradhan 2020.",
    )
    clip_norm: Annotated[float, Field(ge=1e-6, le=1e6)] | None = Field(
        default=None,
        description="Largest norm of the gradient: a larger one is scaled down to it, against a loss that explodes. "
        "Usual are 0.1 to 10; null clips nothing.",
    )


class Adam(_Optim):
    """A step size for each weight, from gradients' averages.

    Use: the default: it needs little tuning.
    Cost: two more numbers for each weight in memory.
    Paper: Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization".
    """

    kind: Literal["adam"] = "adam"


class AdamW(_Optim):
    """Adam whose weight decay is apart from the gradient.

    Use: Adam with weight decay, and vision transformers.
    Cost: two more numbers for each weight in memory.
    Paper: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    """

    kind: Literal["adamw"] = "adamw"
    weight_decay: Strength = Field(
        default=0.01,
        le=limits.RATE,
        description="How strongly weights are pulled towards zero at each step, times the learning rate. 0.01 as in "
        "PyTorch.",
    )


class Sgd(_Optim):
    """Stochastic gradient descent with Nesterov momentum.

    Use: long trainings of residual networks, with a rate and a schedule that are tuned.
    Cost: one more number for each weight in memory.
    Paper: Sutskever et al. 2013, "On the Importance of Initialization and Momentum in Deep Learning".
    """

    kind: Literal["sgd"] = "sgd"
    momentum: Strength = Field(
        default=0.9,
        lt=1,
        description="Share of the last step that the next one keeps; 0 is plain SGD. 0.9 is usual.",
    )


# --- averages


class NoAverage(Spec):
    """The weights after the last step.

    Use: the baseline of a comparison.
    Cost: none.
    """

    kind: Literal["none"] = "none"


class Swa(Spec):
    """Averages snapshots of the weights along training (SWA).

    The last epoch always counts. Batch norm is estimated anew for the average, on training patches.

    Use: a rate that stays high or cycles, so that snapshots differ.
    Cost: a second copy of the weights, and a pass over the training patches at the end; it shares the training of the
        arm without it.
    Paper: Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization".
    """

    kind: Literal["swa"] = "swa"
    start: Fraction = Field(
        default=0.25,
        description="Fraction of training at which the first snapshot is taken: epoch 10 of the paper's 40.",
    )
    every: float = Field(
        default=0.125,
        gt=0,
        le=1,
        description="Fraction of training between snapshots, at least an epoch: 5 epochs of the paper's 40.",
    )


class Ema(Spec):
    """Averages weights of all steps, later ones more (EMA).

    Batch norm is estimated anew for the average, on training patches.

    Use: a steady result from a noisy training, without choosing when to begin.
    Cost: a second copy of the weights, moved every step, and a pass over the training patches at the end; it shares the
        training of the arm without it.
    Paper: Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging".
    """

    kind: Literal["ema"] = "ema"
    decay: float = Field(
        default=0.999,
        ge=0.01,
        lt=1,
        description="What the average keeps of itself at a step. It is reached after some 9 decay / (1 - decay) steps, "
        "9,000 for 0.999, before which any larger value does the same: the random start would count too much.",
    )


Optim = Annotated[Adam | AdamW | Sgd, Field(discriminator="kind")]
Average = Annotated[NoAverage | Swa | Ema | AverageSettings, Family("average")]
