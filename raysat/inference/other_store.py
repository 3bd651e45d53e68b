"""Whether a model can take the patches of a store that it was not trained on, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.model_inputs import ModelInputs
from raysat.data.patch_store import PatchStore
from raysat.data.places import SAME_SIZE
from raysat.errors import BandError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitting:
    """How a model reads a store."""

    bands: npt.NDArray[np.int64]  # positions of the model's bands in the store
    labels: npt.NDArray[np.uint8]  # the model's label of each class of the store

    def labels_of(self, store: PatchStore, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Labels (N,) of patches of the store, as the model counts classes."""
        return self.labels[store.labels[rows]]


def fitting(inputs: ModelInputs, classes: Sequence[str], store: PatchStore) -> Fitting:
    """Return how a model reads a store, which may have more bands, and fewer classes.

    Args:
        inputs: what the model takes.
        classes: that it was taught, by label.
        store: that it reads.

    Raises:
        BandError: it lacks a band that the model takes.
        UsageError: another sensor, size, type or pixel size of patches, or classes that the model was not taught.
    """
    bands = bands_in(store, inputs)
    if unknown := [name for name in store.classes if name not in classes]:
        raise UsageError(
            f"{store.path} has classes that the models were not taught: {', '.join(unknown)}",
            hint=f"they know {', '.join(classes)}",
        )
    labels = np.array([classes.index(name) for name in store.classes], np.uint8)
    return Fitting(bands=bands, labels=labels)


def bands_in(store: PatchStore, inputs: ModelInputs) -> npt.NDArray[np.int64]:
    """Return the positions of a model's bands in a store, which may have more.

    Raises UsageError where the store's patches are none for it: other bands, another sensor, size, type or pixel size.
    """
    if lacking := [band for band in inputs.bands if band not in store.bands]:
        raise BandError(
            f"{store.path} lacks bands that the models take: {', '.join(lacking)}",
            hint=f"it has {', '.join(store.bands)}",
        )
    _, _, height, width = store.images.shape
    theirs: list[tuple[str, Any, Any]] = [
        ("patches", f"{height} x {width} pixels", f"{inputs.height} x {inputs.width} pixels"),
        ("values", store.images.dtype.name, inputs.dtype),
    ]
    if store.sensor is not None and inputs.sensor is not None:
        theirs.append(("patches", f"of {store.sensor}", f"of {inputs.sensor}"))
    if store.pixel_size and inputs.pixel_size and abs(store.pixel_size / inputs.pixel_size - 1) > SAME_SIZE:
        theirs.append(("pixels", f"of {store.pixel_size:g} m", f"of {inputs.pixel_size:g} m"))
    for what, there, here in theirs:
        if there != here:
            raise UsageError(
                f"{store.path} has {what} {there}, the models take {what} {here}",
                hint="make a store of such patches with {raysat data import}",
            )
    return np.array([store.bands.index(band) for band in inputs.bands])
