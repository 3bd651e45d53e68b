"""What a map was made of, as ``map.json`` beside its layers says."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from raysat.files import FileModel

MAP: Final = "map.json"
_Positive = Annotated[int, Field(ge=1)]


class MapRecord(FileModel):
    """A map: of which scene, made by which models, and what its cells are."""

    format: Literal[1] = 1
    raysat: str  # version
    run: str
    arm: str
    seeds: tuple[int, ...]
    trials: tuple[str, ...]  # ids
    classes: tuple[str, ...]
    bands: tuple[str, ...]
    source: str  # the scene
    resampled: bool
    region: tuple[int, int, int, int]  # of the scene's pixels: first column, first row, columns, rows
    patch: tuple[_Positive, _Positive]  # rows and columns of a window, pixels
    stride: tuple[_Positive, _Positive]  # of a cell, pixels
    cells: tuple[_Positive, _Positive]  # rows and columns
    crs: str | None  # as WKT
    transform: tuple[float, float, float, float, float, float]  # a to f: x = a column + b row + c, ...
    counts: tuple[int, ...]  # cells by class
    nodata: int  # cells
    layers: tuple[str, ...]  # files
