"""What a trial is: frozen, typed configuration, its canonical JSON and its hash.

Each family (loss, sampler, schedule ...) is a union of small models told apart by ``kind``; what a member *does* stands
in one ``match`` in its module under ``training/``. Points in training are fractions of it, so another number of epochs
rescales them.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Spec(BaseModel):
    """Base of every model here: frozen, unknown keys refused, numbers finite, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Data(Spec):
    """Which bands the model sees: ``all``, a composite's name, or a list of numbers and names (see ``bands.py``)."""

    bands: str | Annotated[tuple[int | str, ...], Field(min_length=1, strict=False)] = "all"


class Model(Spec):
    """A timm model. ``stem``: ``native`` is timm's ``in_chans``; ``adapter`` is the paper authors' band adapter."""

    name: Annotated[str, Field(min_length=1)] = "resnet18"
    pretrained: bool = False
    stem: Literal["native", "adapter"] = "native"


class _Optim(Spec):
    lr: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    batch_size: Annotated[int, Field(ge=2)] = 32
    epochs: Annotated[int, Field(ge=1)] = 40
    clip_norm: Positive | None = None


class Adam(_Optim):
    """Adam (Kingma & Ba 2015)."""

    kind: Literal["adam"] = "adam"


class Sgd(_Optim):
    """Stochastic gradient descent with Nesterov momentum."""

    kind: Literal["sgd"] = "sgd"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9


class CrossEntropy(Spec):
    """Softmax cross-entropy."""

    kind: Literal["cross_entropy"] = "cross_entropy"


class Ldam(Spec):
    """Label-distribution-aware margins (Cao et al. 2019): margin C / n_c^(1/4), the largest ``max_margin``."""

    kind: Literal["ldam"] = "ldam"
    max_margin: Positive = 0.5
    scale: Positive = 30.0


class NoReweight(Spec):
    """Every class weighs one."""

    kind: Literal["none"] = "none"


class Drw(Spec):
    """Deferred reweighting (Cao et al. 2019): class-balanced weights (Cui et al. 2019) from ``switch`` on."""

    kind: Literal["drw"] = "drw"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    switch: Fraction = 0.8


class UniformSampler(Spec):
    """Every training patch once an epoch, in random order."""

    kind: Literal["uniform"] = "uniform"


class InverseFrequencySampler(Spec):
    """With replacement, probability proportional to 1 / n_c: every class equally often."""

    kind: Literal["inverse_frequency"] = "inverse_frequency"


class Constant(Spec):
    """The optimiser's learning rate throughout."""

    kind: Literal["constant"] = "constant"


class Triangular(Spec):
    """Cyclic learning rate (Smith 2017), stepped by batch: base to max and back in twice ``step_epochs`` epochs."""

    kind: Literal["triangular"] = "triangular"
    base_lr: Positive = 1e-5
    max_lr: Positive = 1e-4
    step_epochs: Positive = 2.0

    @model_validator(mode="after")
    def _ordered(self) -> Triangular:
        if self.max_lr < self.base_lr:
            raise ValueError(f"max_lr ({self.max_lr:g}) must not be below base_lr ({self.base_lr:g})")
        return self


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


class NoAugment(Spec):
    """Patches as they are."""

    kind: Literal["none"] = "none"


class AugMix(Spec):
    """AugMix with the Jensen-Shannon consistency loss (Hendrycks et al. 2020); chains are 1 to ``depth`` long."""

    kind: Literal["augmix"] = "augmix"
    width: Annotated[int, Field(ge=1, le=10)] = 3
    depth: Annotated[int, Field(ge=1, le=10)] = 3
    severity: Annotated[int, Field(ge=1, le=10)] = 3
    alpha: Positive = 1.0
    jsd_weight: Annotated[float, Field(ge=0)] = 12.0


Optim = Annotated[Adam | Sgd, Field(discriminator="kind")]
Loss = Annotated[CrossEntropy | Ldam, Field(discriminator="kind")]
Reweight = Annotated[NoReweight | Drw, Field(discriminator="kind")]
Sampler = Annotated[UniformSampler | InverseFrequencySampler, Field(discriminator="kind")]
Schedule = Annotated[Constant | Triangular, Field(discriminator="kind")]
Average = Annotated[NoAverage | Swa, Field(discriminator="kind")]
Augment = Annotated[NoAugment | AugMix, Field(discriminator="kind")]


class Config(Spec):
    """One arm: everything that decides a trained model but its seed and its data."""

    data: Data = Data()
    model: Model = Model()
    optim: Optim = Adam()
    loss: Loss = CrossEntropy()
    reweight: Reweight = NoReweight()
    sampler: Sampler = UniformSampler()
    schedule: Schedule = Constant()
    average: Average = NoAverage()
    augment: Augment = NoAugment()


def members(section: str) -> dict[str, type[Spec]]:
    """Return the members of a section's family by ``kind``; a section that is no family has one, under ``""``."""
    annotation: Any = Config.model_fields[section].annotation
    models: tuple[type[Spec], ...] = getattr(annotation, "__args__", (annotation,))
    return {str(model.model_fields["kind"].default) if "kind" in model.model_fields else "": model for model in models}


class Trial(Spec):
    """One configuration with one seed."""

    config: Config
    seed: Annotated[int, Field(ge=0, lt=2**32)]


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, so that equal values have equal text."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """Return the first 16 hex digits of the SHA-256 of a value's canonical JSON: an id, safe as a file name."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]
