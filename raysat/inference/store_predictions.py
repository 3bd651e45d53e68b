"""What an arm says of the patches of a store, and how good that is where the store's labels are of its classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from raysat.data.store import PatchStore
from raysat.errors import UsageError
from raysat.inference.load import TrainedArm
from raysat.inference.maps.cells import Floats, summarize
from raysat.inference.other_store import bands_in
from raysat.metrics.confusion import Metrics, from_predictions
from raysat.training.device import EVALUATION_BATCH

SplitName = Literal["train", "val", "test", "all"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StorePredictions:
    """Class probabilities of patches of a store, averaged over the seeds of an arm."""

    arm: str
    seeds: tuple[int, ...]
    classes: tuple[str, ...]  # of the models
    indices: npt.NDArray[np.int64]  # (N,) positions in the store
    probabilities: Floats  # (N, K)
    entropy: Floats  # (N,) see ``maps/cells.py``
    disagreement: Floats | None  # (N,); None of one seed
    labels: npt.NDArray[np.int64] | None  # (N,) by the models' classes; None where the store's are others
    metrics: Metrics | None  # of the averaged probabilities
    by_seed: tuple[Metrics, ...]  # of each seed alone; empty without labels

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable class of each patch, (N,)."""
        found: npt.NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found


def predict_store(
    trained: TrainedArm, store: PatchStore, split: SplitName, progress: Callable[[int, int], None]
) -> StorePredictions:
    """Classify the patches of a store.

    Args:
        trained: the models.
        store: patches with their bands, of their size and type.
        split: which patches.
        progress: is told how many are done, and are in all.

    Returns:
        The probabilities, and metrics where the store's classes are among the models'.

    Raises:
        UsageError: the store's patches are none for the models (``bands_in``), or the split has none.
    """
    bands = bands_in(store, trained.inputs)
    rows = np.arange(len(store), dtype=np.int64) if split == "all" else store.indices(split).astype(np.int64)
    if not len(rows):
        raise UsageError(f"{store.path} has no patches in split {split}", hint="{--split} all takes every patch")
    found_SNK = np.empty((len(trained.models), len(rows), len(trained.classes)), np.float32)
    for start in range(0, len(rows), EVALUATION_BATCH):
        batch = slice(start, start + EVALUATION_BATCH)
        patches = store.images[np.ix_(rows[batch], bands)]
        for number, model in enumerate(trained.models):
            found_SNK[number, batch] = model.probabilities(patches)
        progress(min(start + EVALUATION_BATCH, len(rows)), len(rows))
    cells = summarize(found_SNK.transpose(0, 2, 1)[:, :, None], np.zeros((1, len(rows)), np.bool_))
    probabilities = cells.probabilities[:, 0].T
    labels = _labels(trained, store, rows)
    return StorePredictions(
        arm=trained.name,
        seeds=trained.seeds,
        classes=trained.classes,
        indices=rows,
        probabilities=probabilities,
        entropy=cells.entropy[0],
        disagreement=None if cells.disagreement is None else cells.disagreement[0],
        labels=labels,
        metrics=None if labels is None else from_predictions(labels, probabilities),
        by_seed=() if labels is None else tuple(from_predictions(labels, each) for each in found_SNK),
    )


def _labels(trained: TrainedArm, store: PatchStore, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """The store's labels by the models' classes; None where one of its classes is not among them."""
    if not set(store.classes) <= set(trained.classes):
        return None
    by_name = np.array([trained.classes.index(name) for name in store.classes], np.int64)
    labels: npt.NDArray[np.int64] = by_name[store.labels[rows]]
    return labels
