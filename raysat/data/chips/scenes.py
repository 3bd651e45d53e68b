"""How chips are asked for, and the scenes that they are cut from, which must be alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from raysat.data.chips.cuts import SceneHead
from raysat.data.importers.form import Form
from raysat.data.places import SAME_SIZE
from raysat.data.scenes.bands import group_files
from raysat.data.scenes.raster import Scene, open_scene
from raysat.errors import DataError, prefixed
from raysat.formatting import echo

_SET_CRS: Final = "set one: gdal_edit.py -a_srs EPSG:32616"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipOptions:
    """How chips are cut."""

    bands: Sequence[str] | None = None  # of the scenes, as ``open_scene``
    sensor: str | None = None
    resample: bool = False
    pixel_size: float | None = None
    size: int = 65  # rows and columns
    stride: int | None = None  # pixels from one to the next over polygons and rasters; None: the size
    purity: float | None = None  # share that one class covers; None: PURITY of polygons, the centre pixel of rasters
    layer: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    split_by: Literal["scene"] | None = None
    classes: Sequence[str] = ()
    ordinal: bool = False
    skip_outside: bool = False
    keep_empty: bool = False


def open_by(paths: Path | Sequence[Path], options: ChipOptions) -> Scene:
    """Open a scene as options say; see ``open_scene``."""
    return open_scene(
        paths,
        bands=options.bands,
        sensor=options.sensor,
        resample=options.resample,
        pixel_size=options.pixel_size,
    )


def look_at(scenes: Sequence[Path], options: ChipOptions) -> tuple[SceneHead, ...]:
    """Look at the header of every scene. Raises DataError where one cannot be read, or they are not alike."""
    heads: list[SceneHead] = []
    for paths in group_files(scenes, options.bands, options.sensor):
        with open_by(paths, options) as scene:
            head = SceneHead.of(scene, paths)
        if head.grid.crs is None:
            raise DataError(f"{head.name} does not say its CRS, so labels have no place in it", hint=_SET_CRS)
        form = Form(bands=len(head.bands), height=options.size, width=options.size, dtype=head.dtype)
        with prefixed("a chip", DataError):
            form.check_bytes(np.dtype(head.dtype).itemsize)
        if heads:
            _check_alike(heads[0], head)
        heads.append(head)
    names: dict[str, SceneHead] = {}
    for head in heads:
        if names.setdefault(head.name, head) is not head:
            raise DataError(
                f"two scenes are called {echo(head.name)}", hint="give each scene once, by names that differ"
            )
    return tuple(heads)


def _check_alike(first: SceneHead, other: SceneHead) -> None:
    for what, one, two in (("bands", first.bands, other.bands), ("pixels of type", first.dtype, other.dtype)):
        if one != two:
            said = (", ".join(each) if isinstance(each, tuple) else each for each in (one, two))
            raise DataError(
                f"{first.name} has {what} {next(said)}, {other.name} has {next(said)}",
                hint="name bands that all scenes have with {--bands}; convert types with gdal_translate -ot",
            )
    one_size, two_size = first.grid.pixel_size, other.grid.pixel_size
    if (one_size is None) != (two_size is None) or (
        one_size and two_size and abs(one_size - two_size) > SAME_SIZE * one_size
    ):
        sizes = (f"{size:.6g} m" if size else "no pixel size in metres" for size in (one_size, two_size))
        raise DataError(
            f"pixels of {first.name} have {next(sizes)}, those of {other.name} {next(sizes)}",
            hint="bring them to one by {--resample} and {--pixel-size}",
        )
