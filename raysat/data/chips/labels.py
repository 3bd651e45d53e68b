"""Reads labelled points or polygons from a vector file: GeoPackage, GeoJSON, FlatGeobuf or a shapefile.

Which format it is, the file's first bytes say; GDAL (through pyogrio) opens the path of a regular file alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rasterio.crs import CRS
from rasterio.errors import CRSError

from raysat.data.importers.base import sort_labels
from raysat.data.names import check_name, check_names
from raysat.data.scenes.gdal import VIRTUAL
from raysat.data.splits import SPLITS
from raysat.errors import DataError, prefixed, suggest
from raysat.files import open_regular
from raysat.formatting import echo
from raysat.installation import extra_module

EXTRA: Final = "chips"
_HEADS: Final = (b"SQLite format 3\0", b"fgb\x03", b"\0\0\x27\x0a")  # GeoPackage, FlatGeobuf, shapefile; GeoJSON: {
_MAX_BYTES: Final = 4 << 30
_MAX_FEATURES: Final = 10_000_000
_USUAL: Final = ("label", "class")  # columns that are taken where none is named
_REMEDY: Final = "read are GeoPackage, GeoJSON, FlatGeobuf and shapefiles; ogr2ogr makes one of any other"
_POINT: Final = 0  # shapely's numbers of types
_POLYGON: Final = 3

Geometries = npt.NDArray[np.object_]  # of shapely, (n,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """Labelled points, or polygons, in the order of their file; those of several parts are one each."""

    path: Path
    crs: CRS
    geometries: Geometries
    labels: npt.NDArray[np.int64]  # (n,), positions in ``classes``
    numbers: npt.NDArray[np.int64]  # (n,), of their features, from 1
    splits: npt.NDArray[np.int64] | None  # (n,), positions in SPLITS, where the file says
    classes: tuple[str, ...]
    are_points: bool

    def __len__(self) -> int:
        return len(self.labels)


def read_labels(
    path: Path,
    *,
    layer: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    classes: Sequence[str] = (),
) -> Labels:
    """Read labelled points or polygons.

    Args:
        path: the file.
        layer: the one to read, where it has several.
        label_column: the column with the class; by default ``label``, ``class`` or the only one there is.
        split_column: the column with train, val or test, where one says it.
        classes: class names in order; by default the labels, sorted.

    Returns:
        The labels.

    Raises:
        DataError: the file cannot be read, says no CRS, has another kind of geometry, an empty or unknown label, or no
            such column; names the feature.
        InstallationError: pyogrio or shapely is not installed.
    """
    pyogrio, shapely = extra_module("pyogrio", extra=EXTRA), extra_module("shapely", extra=EXTRA)
    _check_file(path)
    name = str(path.absolute())
    with _reading(path):
        layers = [str(each) for each, kind in pyogrio.list_layers(name) if kind is not None]
    chosen = _layer(path, layers, layer)
    with _reading(path):
        info = pyogrio.read_info(name, layer=chosen, force_feature_count=True)
    columns = [str(column) for column in info["fields"]]
    with prefixed(str(path), DataError):
        label_name = _label_column(columns, label_column, split_column)
        wanted = [label_name] if split_column is None else [label_name, split_column]
        if info["features"] > _MAX_FEATURES:
            raise DataError(f"it has {info['features']:,} features; at most {_MAX_FEATURES:,} are read")
    with _reading(path):
        meta, _, encoded, values = pyogrio.raw.read(name, layer=chosen, columns=wanted, force_2d=True)
        geometries = shapely.from_wkb(encoded)
    with prefixed(str(path), DataError):
        by_name = dict(zip(map(str, meta["fields"]), values, strict=True))
        texts = [_label(value, number) for number, value in enumerate(by_name[label_name], 1)]
        if not texts:
            raise DataError("it has no feature", hint="draw points or polygons, one for each label")
        names = tuple(classes) or sort_labels(texts)
        check_names(names, "class")
        known = {each: label for label, each in enumerate(names)}
        for number, text in enumerate(texts, 1):
            if text not in known:
                hint = suggest(text, names, f"the classes are {', '.join(names)}")
                raise DataError(f"feature {number}: unknown label {echo(text)}", hint=hint)
        codes = None if split_column is None else np.array(_splits(list(by_name[split_column])), np.int64)
        parts, owner = shapely.get_parts(geometries, return_index=True)
        are_points = _kind(shapely, geometries, parts, owner)
        return Labels(
            path=path,
            crs=_crs(meta["crs"]),
            geometries=parts,
            labels=np.array([known[text] for text in texts], np.int64)[owner],
            numbers=owner.astype(np.int64) + 1,
            splits=None if codes is None else codes[owner],
            classes=names,
            are_points=are_points,
        )


def _check_file(path: Path) -> None:
    with open_regular(path, max_bytes=_MAX_BYTES, remedy="give the path of the labels", error=DataError) as file:
        head = file.read(64)
    known = head.startswith(_HEADS) or head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    if not known or str(path.absolute()).startswith(VIRTUAL):
        raise DataError(f"{path} is no vector or raster file of a format that is read", hint=_REMEDY)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Make one DataError, naming the file, of what GDAL or shapely says against it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (RuntimeError, ValueError, TypeError, OSError, MemoryError) as error:
        cause = str(error).replace(str(path.absolute()), "it")
        raise DataError(f"{path} cannot be read: {cause}", hint=_REMEDY) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("shapely", "pyogrio"):
            raise
        raise DataError(f"{path} cannot be read: {error}", hint=_REMEDY) from error


def _layer(path: Path, layers: Sequence[str], wanted: str | None) -> str:
    listed = ", ".join(map(echo, layers[:20]))
    if not layers:
        raise DataError(f"{path} has no layer with geometry", hint="draw points or polygons, one for each label")
    if wanted is None:
        if len(layers) > 1:
            raise DataError(f"{path} has {len(layers)} layers: {listed}", hint="name one with {--layer}")
        return layers[0]
    if wanted not in layers:
        raise DataError(f"{path} has no layer {echo(wanted)}", hint=suggest(wanted, layers, f"it has {listed}"))
    return wanted


def _label_column(columns: Sequence[str], label: str | None, split: str | None) -> str:
    for wanted, option in ((label, "{--label-column}"), (split, "{--split-column}")):
        if wanted is not None and wanted not in columns:
            listed = ", ".join(map(echo, columns[:20])) or "none"
            hint = suggest(wanted, columns, f"{option} is one of {listed}")
            raise DataError(f"it has no column {echo(wanted)}", hint=hint)
    if label is not None:
        return label
    others = [column for column in columns if column != split]
    usual = [column for column in others if column.lower() in _USUAL]
    found = usual or others
    if len(found) != 1:
        listed = ", ".join(map(echo, others[:20])) or "none"
        raise DataError(f"which column is the class? It has {listed}", hint="name it with {--label-column}")
    return found[0]


def _label(value: Any, number: int) -> str:
    """The class of a feature as text."""
    if isinstance(value, np.ndarray | list | tuple | dict):
        raise DataError(f"feature {number}: a list is no class", hint="name one class a feature, or another column")
    text = ""
    if isinstance(value, float | np.floating):
        if np.isfinite(value):
            if float(value) != round(float(value)):
                raise DataError(f"feature {number}: {value:g} is no class, but a measure", hint="name classes by text")
            text = str(int(value))
    elif value is not None:
        text = str(value).strip()
    if not text:
        raise DataError(f"feature {number} has no label", hint="remove it, or give it one")
    with prefixed(f"feature {number}", DataError):
        check_name(text, "class")
    return text


def _splits(values: Sequence[Any]) -> list[int]:
    """Positions in SPLITS of what features say."""
    codes: dict[Any, int] = {name: code for code, name in enumerate(SPLITS)}
    for number, value in enumerate(values, 1):
        if value not in codes:
            hint = suggest(str(value)[:100], SPLITS, f"a split is one of {', '.join(SPLITS)}")
            raise DataError(f"feature {number}: unknown split {echo(value)}", hint=hint)
    return [codes[value] for value in values]


def _crs(text: str | None) -> CRS:
    try:
        crs = CRS.from_user_input(text) if text else None
    except CRSError:
        crs = None
    if crs is None:
        raise DataError("it does not say its CRS", hint="set one: ogr2ogr -a_srs EPSG:4326")
    return crs


def _kind(shapely: Any, whole: Geometries, parts: Geometries, owner: npt.NDArray[np.int64]) -> bool:
    """Whether the parts of features are points; they may be polygons. Raises DataError for others, or both."""
    empty = np.flatnonzero(shapely.is_missing(whole) | shapely.is_empty(whole))
    if len(empty):
        raise DataError(f"feature {int(empty[0]) + 1} has no geometry", hint="remove it")
    kinds = shapely.get_type_id(parts)
    for allowed in (_POINT, _POLYGON):
        if (kinds == allowed).all():
            return allowed == _POINT
    odd = np.flatnonzero(kinds != kinds[0] if kinds[0] in (_POINT, _POLYGON) else kinds == kinds[0])[0]
    what = parts[odd].geom_type
    raise DataError(f"feature {int(owner[odd]) + 1} is a {what}", hint="labels are all points, or all polygons")
