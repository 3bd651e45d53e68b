"""The patches that a report shows: the store that they were measured on, where it is still to be found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from raysat.data.bands import picture_bands
from raysat.data.patch_store import PatchStore
from raysat.errors import RaysatError, UsageError
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.predictions import TrialPredictions

_REFERENCE: Final = 64  # patches

Why = Literal["missing", "other", "remote", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels:
    """The test patches, in the order of the predictions, seen in one or three bands."""

    store: PatchStore
    positions: npt.NDArray[np.int64]  # (N,) in the store
    colours: str  # what the bands are called
    bands: tuple[str, ...]  # one, or those shown as red, green and blue

    def read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Read some of the N patches as (n, 1 or 3, H, W). Raises StoreError where the store is damaged."""
        channels = [self.store.bands.index(band) for band in self.bands]
        images: npt.NDArray[Any] = self.store.images[self.positions[rows]]
        return images[:, channels]

    def reference(self) -> npt.NDArray[Any]:
        """Some patches, evenly spaced, (n, 1 or 3, H, W): what black and white are chosen by, for all pictures."""
        return self.read(np.unique(np.linspace(0, len(self.positions) - 1, _REFERENCE).round().astype(np.int64)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPixels:
    """Why no patch can be shown."""

    path: str  # where the store was
    why: Why  # nothing is there, another store is, it is behind a URL, or records do not say which it was


def find_pixels(board: Leaderboard, predictions: TrialPredictions, data: PatchStore | None) -> Pixels | NoPixels:
    """Return the patches that were measured on.

    Args:
        board: of the run.
        predictions: of its trials.
        data: the store, where it is given; else it is where the records say, if that is on this machine's disk.

    Raises:
        UsageError: the given store is another one.
    """
    if data is not None:
        if not _is_measured(data, board, predictions):
            hint = f"its data have fingerprint {board.fingerprint}, these {data.fingerprint}"
            raise UsageError(f"{data.path} is not the store that {board.study} was measured on", hint=hint)
        return _pixels(data, predictions)
    paths = dict.fromkeys(record.data.path for record in predictions.records if record.data.path)
    missing = NoPixels(path="", why="unknown")
    for path in paths:
        if "://" in path:  # what a run's records name is not fetched unasked
            missing = NoPixels(path=path, why="remote")
            continue
        try:
            store = PatchStore.open(Path(path))
        except (RaysatError, OSError, ValueError):
            missing = NoPixels(path=path, why="missing")
            continue
        if _is_measured(store, board, predictions):
            return _pixels(store, predictions)
        missing = NoPixels(path=path, why="other")
    return missing


def _pixels(store: PatchStore, predictions: TrialPredictions) -> Pixels:
    colours, bands = picture_bands(available=store.bands, sensor=store.sensor)
    return Pixels(store=store, positions=predictions.positions, colours=colours, bands=bands)


def _is_measured(store: PatchStore, board: Leaderboard, predictions: TrialPredictions) -> bool:
    """Whether a store is that of the predictions, with the labels that these have."""
    known = {record.data.fingerprint for record in predictions.records} | {board.fingerprint}
    if store.fingerprint not in known or predictions.positions.max() >= len(store):
        return False
    return np.array_equal(store.labels[predictions.positions], predictions.labels)
