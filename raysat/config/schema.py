"""What a trial is: frozen, typed configuration, its canonical JSON and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from raysat.config.families.base import Bands, Spec
from raysat.config.families.images import Augment, Dcgan, NoAugment, NoSynthetic, Synthetic
from raysat.config.families.imbalance import CrossEntropy, Loss, NoReweight, Reweight, Sampler, UniformSampler
from raysat.config.families.learning import Adam, Average, Constant, NoAverage, Optim, Schedule, Swa


class Data(Spec):
    """Which bands the model sees: ``all``, a composite's name, or a list of numbers and names (see ``data/bands.py``).

    ``drop`` leaves some of these out: ``{bands: all, drop: [9]}`` is every band but the ninth.
    """

    bands: Bands = "all"
    drop: Annotated[tuple[int | str, ...], Field(strict=False)] = ()


class Model(Spec):
    """A timm model.

    ``stem``: ``native`` is timm's ``in_chans``; ``adapter`` is the paper authors' band adapter. ``classifier``:
    ``cosine`` normalises features and class weights, so that scores are cosines (Cao et al. 2019's code).
    """

    name: Annotated[str, Field(min_length=1)] = "resnet18"
    pretrained: bool = False
    stem: Literal["native", "adapter"] = "native"
    classifier: Literal["linear", "cosine"] = "linear"


class Config(Spec):
    """One arm: everything that decides a trained model but its seed and its data."""

    data: Data = Data()
    synthetic: Synthetic = NoSynthetic()
    model: Model = Model()
    optim: Optim = Adam()
    loss: Loss = CrossEntropy()
    reweight: Reweight = NoReweight()
    sampler: Sampler = UniformSampler()
    schedule: Schedule = Constant()
    average: Average = NoAverage()
    augment: Augment = NoAugment()


def variants(section: str, of: type[Spec] = Config) -> dict[str, type[Spec]]:
    """Return the members of a section's family by ``kind``; a section that is no family has one, under ``""``."""
    annotation: Any = of.by_key()[section].annotation
    models: tuple[type[Spec], ...] = getattr(annotation, "__args__", (annotation,))
    return {str(model.model_fields["kind"].default) if "kind" in model.model_fields else "": model for model in models}


class Trial(Spec):
    """One configuration with one seed."""

    config: Config
    seed: Annotated[int, Field(ge=0, lt=2**32)]


class Generation(Spec):
    """One generator: a class of a store's train split in some bands, and how many patches to make of it.

    What ``gan`` says of classes, bands and amounts is resolved here and left at its defaults there, so that equal work
    is equal whichever way it was asked for.
    """

    label: Annotated[int, Field(ge=0, lt=256)]
    bands: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    patches: Annotated[int, Field(ge=1)]
    gan: Dcgan


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, so that equal values have equal text."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """Return the first 16 hex digits of the SHA-256 of a value's canonical JSON: an id, safe as a file name."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def average_id(average: Average, epochs: int) -> str:
    """Name an average that is read along a trajectory: SWA's snapshots depend on how long training is."""
    spec = average.model_dump(mode="json")
    return digest({**spec, "epochs": epochs} if isinstance(average, Swa) else spec)
