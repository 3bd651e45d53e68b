"""Where the patches of a store lie: the scene and the centre of each, one row a patch in ``places.npy``.

It is (N, 3) float64: the position of the scene among those that ``store.json`` names, then x and y of the centre of the
patch in the scene's CRS. Only stores whose patches all have a place have the file. Patches of one scene, or near each
other, are alike: splits and intervals go by it.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from raysat.files import FileModel

MAX_SCENES: Final = 100_000
MAX_NAME: Final = 200  # characters of a scene's name: the longest product names have some 100
MAX_CRS: Final = 20_000  # characters of a CRS as WKT: the longest have some thousand
_DIGITS: Final = 4  # of a pixel size
SAME_SIZE: Final = 0.01  # by which pixel sizes of one store may differ


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("it has a character that cannot be printed, or a space at its ends")
    return text


class SceneRef(FileModel):
    """A scene that patches were cut from."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_printable)] | None  # None: not known
    crs: Annotated[str, Field(min_length=1, max_length=MAX_CRS), AfterValidator(_printable)]  # EPSG:<code>, or WKT


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one patch lies."""

    scene: SceneRef
    x: float  # of its centre, in the scene's CRS
    y: float
    pixel_size: float | None  # metres


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where the patches of a store lie."""

    scene: npt.NDArray[np.int64]  # (N,), position in ``scenes``
    x: npt.NDArray[np.float64]  # (N,), of the centres, in their scene's CRS
    y: npt.NDArray[np.float64]  # (N,)
    scenes: tuple[SceneRef, ...]

    def __len__(self) -> int:
        return len(self.scene)

    @property
    def names(self) -> tuple[str | None, ...]:
        """Names of the scenes."""
        return tuple(scene.name for scene in self.scenes)

    def of(self, patch: int, pixel_size: float | None) -> Place:
        """The place of a patch by its position; they share a pixel size, which is not among the places."""
        scene = self.scenes[self.scene[patch]]
        return Place(scene=scene, x=float(self.x[patch]), y=float(self.y[patch]), pixel_size=pixel_size)

    def table(self) -> npt.NDArray[np.float64]:
        """The rows of ``places.npy``, (N, 3)."""
        return np.column_stack([self.scene.astype(np.float64), self.x, self.y])


def scene_ref(name: str | None, crs: str) -> SceneRef | None:
    """Return a scene of a name, where that is known, and a CRS; None where either is no such text."""
    try:
        return SceneRef(name=name, crs=crs)
    except ValidationError:
        return None


class PlaceList:
    """Collects the places of patches as they are read, some 24 bytes for each."""

    def __init__(self) -> None:
        self._scenes: dict[SceneRef, int] = {}
        self._numbers, self._x, self._y = array("q"), array("d"), array("d")
        self._least, self._most = math.inf, -math.inf
        self._sizes = True  # whether every patch has a pixel size
        self.complete = True  # whether every patch has a place

    def add(self, place: Place | None) -> None:
        """Add the place of the next patch, or that it has none, from which on none is kept."""
        if place is None or len(self._scenes) > MAX_SCENES:
            self.complete = False
        if not self.complete or place is None:
            return
        self._numbers.append(self._scenes.setdefault(place.scene, len(self._scenes)))
        self._x.append(place.x)
        self._y.append(place.y)
        if place.pixel_size is None:
            self._sizes = False
        else:
            self._least, self._most = min(self._least, place.pixel_size), max(self._most, place.pixel_size)

    @property
    def places(self) -> Places | None:
        """Of all patches; None where there is none, or one has no place."""
        if not self.complete or not self._numbers:
            return None
        return Places(
            scene=np.array(self._numbers, np.int64),
            x=np.array(self._x, np.float64),
            y=np.array(self._y, np.float64),
            scenes=tuple(self._scenes),
        )

    @property
    def pixel_size(self) -> float | None:
        """In metres, of all patches; None where it is not known of one, or differs."""
        known = self.complete and self._sizes and len(self._numbers) > 0
        if not known or self._most - self._least > SAME_SIZE * self._most:
            return None
        middle = (self._least + self._most) / 2
        whole = float(round(middle))  # files say 9.9998 m and 10.004 m where 10 m are meant
        return whole if self._least <= whole <= self._most else float(f"{middle:.{_DIGITS}g}")


def place_digest(pixel_size: float | None, scenes: Sequence[SceneRef], table: npt.NDArray[Any] | None) -> str | None:
    """Return a digest of what a store says of places; None where it says nothing.

    Args:
        pixel_size: in metres, or None.
        scenes: those that the places name.
        table: the rows of ``places.npy``, (N, 3), or None where there is no such file.
    """
    if pixel_size is None and table is None:
        return None
    named = json.dumps([pixel_size, [[scene.name, scene.crs] for scene in scenes]])
    digest = hashlib.sha256(named.encode())
    if table is not None:
        digest.update(np.ascontiguousarray(table).tobytes())
    return digest.hexdigest()


def table_fault(table: npt.NDArray[Any], patches: int, scenes: Sequence[SceneRef]) -> str:
    """Return what is wrong with the rows of ``places.npy``, or nothing.

    Args:
        table: the rows.
        patches: how many the store has.
        scenes: those that its ``store.json`` names.
    """
    if table.dtype != np.dtype("<f8") or table.shape != (patches, 3):
        return f"places {table.shape} {table.dtype.name} for {patches:,} patches"
    if not np.isfinite(table).all():
        return "a patch has no place"
    numbers = table[:, 0]
    if (numbers != np.floor(numbers)).any() or numbers.min() < 0 or numbers.max() >= len(scenes):
        return f"scenes up to {numbers.max():g} for {len(scenes):,} scenes"
    return ""


def from_table(table: npt.NDArray[np.float64], scenes: tuple[SceneRef, ...]) -> Places:
    """Return the places that sound rows of ``places.npy`` say."""
    x, y = np.array(table[:, 1]), np.array(table[:, 2])
    return Places(scene=table[:, 0].astype(np.int64), x=x, y=y, scenes=scenes)
