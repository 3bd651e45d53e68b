"""How the learning rate moves over training: schedules, stepped by batch (``learning_rate.py`` computes them)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import OpenFraction, Rate, Spec, Strength
from raysat.config.plugins.settings import Family, ScheduleSettings


class _Warm(Spec):
    sets_own_lr: ClassVar[bool] = False  # shapes the optimiser's

    warmup: Strength = Field(
        default=0.0,
        lt=1,
        description="Fraction of training over which the rate rises linearly to where it belongs (Goyal et al. 2017); "
        "0 starts there.",
    )


class Constant(_Warm):
    """The learning rate of optim throughout.

    Use: the baseline of a comparison.
    Cost: none.
    Paper: Goyal et al. 2017, "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour" (warm-up).
    """

    kind: Literal["constant"] = "constant"


class MultiStep(_Warm):
    """The learning rate of optim, cut at each milestone.

    Use: with SGD, as residual networks were first trained.
    Cost: none.
    Paper: He et al. 2016, "Deep Residual Learning for Image Recognition".
    """

    kind: Literal["multistep"] = "multistep"
    milestones: Annotated[tuple[OpenFraction, ...], Field(min_length=1, strict=False)] = Field(
        default=(0.6, 0.8), description="Fractions of training at which the rate is cut, ascending."
    )
    gamma: float = Field(
        default=0.1,
        ge=1e-6,
        lt=1,
        description="What the rate is multiplied by at each milestone. 0.1 as in He et al. 2016.",
    )

    @model_validator(mode="after")
    def _ascending(self) -> MultiStep:
        if any(later <= earlier for earlier, later in pairwise(self.milestones)):
            raise ValueError(f"milestones must ascend, got {list(self.milestones)}")
        return self


class Cosine(_Warm):
    """Half a cosine from the learning rate of optim to an end.

    Use: a sound choice for most trainings of known length.
    Cost: none.
    Paper: Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts".
    """

    kind: Literal["cosine"] = "cosine"
    final_lr: Strength = Field(
        default=0.0, le=limits.RATE, description="Learning rate at the end of training, at most that of optim."
    )


class _Cyclic(Spec):
    sets_own_lr: ClassVar[bool] = True  # in place of the optimiser's

    base_lr: Rate = Field(
        default=1e-5, description="Lowest learning rate, which training starts at. 1e-5 as in Rawal & Pradhan 2020."
    )
    max_lr: Rate = Field(
        default=1e-4, description="Highest learning rate, not below base_lr. 1e-4 as in Rawal & Pradhan 2020."
    )
    step_epochs: float = Field(
        default=2.0,
        ge=0.01,
        le=limits.EPOCHS,
        description="Epochs from base_lr to max_lr, half a cycle. Counted in epochs, as in Smith 2017, so that another "
        "number of epochs does not stretch it. 2 as in Rawal & Pradhan 2020.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> _Cyclic:
        if self.max_lr < self.base_lr:
            raise ValueError(f"max_lr ({self.max_lr:g}) must not be below base_lr ({self.base_lr:g})")
        return self


class Triangular(_Cyclic):
    """Up and down between two rates of its own (CLR).

    Use: no rate is known that serves; with weight averaging (average: swa), which gathers what the cycles pass.
    Cost: none.
    Paper: Smith 2017, "Cyclical Learning Rates for Training Neural Networks".
    """

    kind: Literal["triangular"] = "triangular"


class Triangular2(_Cyclic):
    """As triangular, the height halved after every cycle.

    Use: as triangular, where training shall settle towards its end.
    Cost: none.
    Paper: Smith 2017, "Cyclical Learning Rates for Training Neural Networks".
    """

    kind: Literal["triangular2"] = "triangular2"


class ExpRange(_Cyclic):
    """As triangular, the height shrinking with every step.

    Use: as triangular2, with a decay that can be set.
    Cost: none.
    Paper: Smith 2017, "Cyclical Learning Rates for Training Neural Networks".
    """

    kind: Literal["exp_range"] = "exp_range"
    gamma: float = Field(
        default=0.9999,
        ge=0.01,
        le=1,
        description="What the height above base_lr is multiplied by at every step; 1 is triangular. At 0.9999 a tenth "
        "is left after 23,000 steps.",
    )


class OneCycle(Spec):
    """Up to a high rate of its own, then down to nearly 0.

    Momentum stays as it is.

    Use: short trainings, which a high rate in the middle speeds up.
    Cost: none.
    Paper: Smith & Topin 2018, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates".
    """

    sets_own_lr: ClassVar[bool] = True

    kind: Literal["one_cycle"] = "one_cycle"
    max_lr: Rate = Field(default=1e-3, description="Highest learning rate. 1e-3 is Adam's usual one.")
    peak: OpenFraction = Field(
        default=0.3, description="Fraction of training at which max_lr is reached. 0.3 as in PyTorch's OneCycleLR."
    )
    start_div: float = Field(
        default=25.0, ge=1, le=1e6, description="Training starts at max_lr over this. 25 as in PyTorch's OneCycleLR."
    )
    final_div: float = Field(
        default=1e4,
        ge=1,
        le=1e9,
        description="Training ends at its first rate over this. 1e4 as in PyTorch's OneCycleLR.",
    )


Schedule = Annotated[
    Constant | MultiStep | Cosine | Triangular | Triangular2 | ExpRange | OneCycle | ScheduleSettings,
    Family("schedule"),
]
