"""How weights are learned and read: optimisers, learning rate schedules (stepped by batch), averages."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raysat.config import limits
from raysat.config.families.base import Fraction, OpenFraction, Positive, Spec

# --- optimisers


class _Optim(Spec):
    lr: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    batch_size: Annotated[int, Field(ge=2, le=limits.PATCHES)] = 32
    epochs: Annotated[int, Field(ge=1, le=limits.EPOCHS)] = 40
    clip_norm: Positive | None = None


class Adam(_Optim):
    """Adam (Kingma & Ba 2015)."""

    kind: Literal["adam"] = "adam"


class AdamW(_Optim):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01


class Sgd(_Optim):
    """Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013)."""

    kind: Literal["sgd"] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9


# --- learning rate schedules, stepped by batch


class _Warm(Spec):
    sets_own_lr: ClassVar[bool] = False  # shapes the optimiser's

    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share of training over which the rate rises linearly


class Constant(_Warm):
    """The optimiser's learning rate throughout, after a linear warm-up (Goyal et al. 2017) where one is asked for."""

    kind: Literal["constant"] = "constant"


class MultiStep(_Warm):
    """The optimiser's learning rate times ``gamma`` from each milestone on (as in He et al. 2016)."""

    kind: Literal["multistep"] = "multistep"
    milestones: Annotated[tuple[OpenFraction, ...], Field(min_length=1, strict=False)] = (0.6, 0.8)
    gamma: OpenFraction = 0.1

    @model_validator(mode="after")
    def _ascending(self) -> MultiStep:
        if any(later <= earlier for earlier, later in pairwise(self.milestones)):
            raise ValueError(f"milestones must ascend, got {list(self.milestones)}")
        return self


class Cosine(_Warm):
    """Half a cosine from the optimiser's learning rate to ``final_lr`` (Loshchilov & Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    final_lr: Annotated[float, Field(ge=0)] = 0.0


class _Cyclic(Spec):
    sets_own_lr: ClassVar[bool] = True  # in place of the optimiser's

    base_lr: Positive = 1e-5
    max_lr: Positive = 1e-4
    step_epochs: Positive = 2.0

    @model_validator(mode="after")
    def _ordered(self) -> _Cyclic:
        if self.max_lr < self.base_lr:
            raise ValueError(f"max_lr ({self.max_lr:g}) must not be below base_lr ({self.base_lr:g})")
        return self


class Triangular(_Cyclic):
    """Cyclic learning rate (Smith 2017): base to max and back in twice ``step_epochs`` epochs."""

    kind: Literal["triangular"] = "triangular"


class Triangular2(_Cyclic):
    """Cyclic learning rate (Smith 2017) whose height is halved after every cycle."""

    kind: Literal["triangular2"] = "triangular2"


class ExpRange(_Cyclic):
    """Cyclic learning rate (Smith 2017) whose height shrinks by ``gamma`` every step."""

    kind: Literal["exp_range"] = "exp_range"
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.9999


class OneCycle(Spec):
    """One cycle (Smith & Topin 2018): max_lr / ``start_div`` to ``max_lr`` until ``peak``, then to almost nothing.

    As the cyclic ones, it brings its own rates in place of the optimiser's, and leaves momentum as it is.
    """

    sets_own_lr: ClassVar[bool] = True

    kind: Literal["one_cycle"] = "one_cycle"
    max_lr: Positive = 1e-3
    peak: OpenFraction = 0.3
    start_div: Annotated[float, Field(ge=1)] = 25.0
    final_div: Annotated[float, Field(ge=1)] = 1e4


# --- readouts


class NoAverage(Spec):
    """The last iterate."""

    kind: Literal["none"] = "none"


class Swa(Spec):
    """Stochastic weight averaging (Izmailov et al. 2018): snapshots from ``start`` on, every ``every``, averaged.

    Both are fractions of training; the defaults are epochs 10, 15 ... 40 of the paper's 40.
    """

    kind: Literal["swa"] = "swa"
    start: Fraction = 0.25
    every: Annotated[float, Field(gt=0, le=1)] = 0.125


class Ema(Spec):
    """Exponential moving average of the weights, updated every step.

    ``decay`` is reached only after some 9 decay / (1 - decay) steps, before which any value does the same: the random
    start would count too much (``averaging.py``).
    """

    kind: Literal["ema"] = "ema"
    decay: OpenFraction = 0.999


Optim = Annotated[Adam | AdamW | Sgd, Field(discriminator="kind")]
Schedule = Annotated[
    Constant | MultiStep | Cosine | Triangular | Triangular2 | ExpRange | OneCycle, Field(discriminator="kind")
]
Average = Annotated[NoAverage | Swa | Ema, Field(discriminator="kind")]
