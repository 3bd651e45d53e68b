"""Where chips are to be cut, before a pixel is read, and what was left out on the way."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from raysat.data.scenes.grid import Grid
from raysat.data.scenes.raster import Scene

UNKNOWN = -1  # the feature of a chip of a label raster, and the split of one that has none yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneHead:
    """What is to be known of a scene while it is closed."""

    paths: Path | Sequence[Path]
    name: str
    bands: tuple[str, ...]
    dtype: str
    grid: Grid

    @classmethod
    def of(cls, scene: Scene, paths: Path | Sequence[Path]) -> SceneHead:
        """The head of an open scene."""
        return cls(paths=paths, name=scene.name, bands=scene.bands, dtype=scene.dtype, grid=scene.grid)


@dataclass(kw_only=True, eq=False)
class Cuts:
    """The chips to cut, in the order of the scenes; some 48 bytes for each."""

    scene: array[int] = field(default_factory=lambda: array("q"))  # number of the scene
    column: array[int] = field(default_factory=lambda: array("q"))  # of its upper left pixel
    row: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("q"))  # position in the classes, or a value of the raster
    feature: array[int] = field(default_factory=lambda: array("q"))  # number of its label in the file, from 1
    split: array[int] = field(default_factory=lambda: array("q"))
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    outside: str = ""  # what lies outside every scene, said for an error; nothing where all lies within

    def __len__(self) -> int:
        return len(self.scene)

    def add(self, scene: int, column: int, row: int, label: int, feature: int = UNKNOWN, split: int = UNKNOWN) -> None:
        """Add a chip.

        Args:
            scene: number of its scene.
            column: of its upper left pixel.
            row: of that pixel.
            label: its class.
            feature: number of its label in the file.
            split: position in SPLITS, where one is given.
        """
        for values, value in zip(self._columns, (scene, column, row, label, feature, split), strict=True):
            values.append(int(value))

    @property
    def _columns(self) -> tuple[array[int], ...]:
        return self.scene, self.column, self.row, self.label, self.feature, self.split

    def counts(self, scenes: int) -> npt.NDArray[np.int64]:
        """Chips of each of so many scenes, (S,)."""
        return np.bincount(np.asarray(self.scene, np.int64), minlength=scenes)


def lattice(length: int, size: int, stride: int) -> npt.NDArray[np.int64]:
    """Return where chips begin along an axis, whole ones alone.

    Args:
        length: pixels of the axis.
        size: of a chip.
        stride: pixels from one chip to the next.
    """
    return np.arange(0, max(0, length - size + 1), stride, dtype=np.int64)
