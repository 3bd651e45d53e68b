"""What a configuration means on a store: its bands and classes by name, so that equal work is equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from raysat.config.families.base import Spec
from raysat.config.families.synthetic import GeneratorSettings
from raysat.config.schema import Config, Data, Model, Network
from raysat.data.bands import Bands, resolve
from raysat.data.store import PatchStore
from raysat.data.weights.source import Source
from raysat.errors import PlanError, prefixed, suggest

_S = TypeVar("_S", bound=Spec)


def resolve_config(config: Config, store: PatchStore) -> Config:
    """Name bands and classes, so that ``agriculture`` and ``[6, 5, 2]`` are the same work where they mean the same.

    What does nothing is left at its default, as two values of it are the same work too: a learning rate that the
    schedule replaces by its own; ``model.layer_decay`` where the classifier alone is trained, which has the whole rate;
    ``model.weights_scale`` of weights that take standardised values (DOFA). Weights get the hash of their content, by
    which they are named.

    Raises:
        BandError: bands that the store does not have.
        PlanError: weights that are not known, not there, or others than ``weights_hash`` says; synthetic patches of a
            class that is not there or needs none, or in other bands than the trial's.
    """
    data, synthetic, optim = config.data, config.synthetic, config.optim
    bands = _bands("data.bands", data.bands, store)
    if data.drop:
        bands = _bands("data.drop", data.bands, store, drop=data.drop)
    if isinstance(synthetic, GeneratorSettings):
        if synthetic.bands is not None and (theirs := _bands("synthetic.bands", synthetic.bands, store)) != bands:
            raise PlanError(
                f"synthetic.bands are {'-'.join(theirs)}, but the trial trains on {'-'.join(bands)}",
                hint="leave synthetic.bands out: the generator then makes the bands of the trial",
            )
        names = tuple(store.classes[label] for label in _labels(synthetic, store))
        synthetic = synthetic.model_copy(update={"bands": None, "classes": names})
    if config.schedule.sets_own_lr:
        optim = _at_default(optim, "lr")
    model = _known_weights(config.model)
    if model.trains == "head":
        model = _at_default(model, "layer_decay")
    update = {"data": Data(bands=bands), "model": model, "synthetic": synthetic, "optim": optim}
    return config.model_copy(update=update)


def _known_weights(model: Network) -> Network:
    """Name a model's weights by their content, and those of a file by its whole path."""
    if not isinstance(model, Model) or model.weights is None:
        return model
    source = Source.of(model.weights)
    found = source.content_hash()
    if model.weights_hash not in (None, found):
        raise PlanError(
            f"model.weights_hash is {model.weights_hash}, but {model.weights} has {found}",
            hint="give the weights that were meant, or leave model.weights_hash out",
        )
    named = model.model_copy(update={"weights": str(source.path or model.weights), "weights_hash": found})
    return _at_default(named, "weights_scale") if source.about.generated else named


def _at_default(section: _S, setting: str) -> _S:
    """A section without what a setting says."""
    return section.model_copy(update={setting: type(section).model_fields[setting].default})


def _labels(asked: GeneratorSettings, store: PatchStore) -> list[int]:
    """Labels of the classes asked for, ascending."""
    counts = store.counts("train")
    if asked.classes == "minority":
        rare: npt.NDArray[np.int64] = np.flatnonzero(counts < counts.max())
        if not len(rare):
            raise PlanError(
                f"synthetic.classes: {store.path} has no minority class, all have {counts.max()} training patches",
                hint="name the classes",
            )
        return [int(label) for label in rare]
    labels = {_label(name, store) for name in asked.classes}
    if len(labels) < len(asked.classes):
        raise PlanError(f"synthetic.classes names a class twice: {list(asked.classes)}", hint="name each class once")
    return sorted(labels)


def _label(name: int | str, store: PatchStore) -> int:
    label = int(name) if isinstance(name, int) or name.isdecimal() else -1
    named = store.classes.index(str(name)) if str(name) in store.classes else -1
    if isinstance(name, str) and named >= 0:
        return named
    if 0 <= label < len(store.classes) and named in (-1, label):
        return label
    if named >= 0:
        raise PlanError(
            f"synthetic.classes: {name} could be the label {label} or the class named '{name}', which is {named}",
            hint=f"write '{name}' in quotes for the name",
        )
    classes = ", ".join(f"{label} {known}" for label, known in enumerate(store.classes))
    raise PlanError(
        f"synthetic.classes: {store.path} has no class {name!r}",
        hint=suggest(name, store.classes, f"its classes are {classes}"),
    )


def _bands(key: str, bands: Bands, store: PatchStore, *, drop: Sequence[int | str] = ()) -> tuple[str, ...]:
    """Resolve bands against a store; an error names the key that asked for them."""
    with prefixed(key):
        return resolve(bands, available=store.bands, sensor=store.sensor, drop=drop)
