"""Cuts labelled chips from scenes: windows are read one by one, so memory stays flat whatever the scenes' size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from raysat.data.chips.by_points import cut_points
from raysat.data.chips.by_polygons import cut_polygons
from raysat.data.chips.by_raster import cut_raster
from raysat.data.chips.by_scene import describe_splits, split_scenes
from raysat.data.chips.cuts import UNKNOWN, Cuts, SceneHead
from raysat.data.chips.labels import read_labels
from raysat.data.chips.scenes import ChipOptions, look_at, open_by
from raysat.data.importers.base import Patch, PatchSource
from raysat.data.places import Place, SceneRef, scene_ref
from raysat.data.scenes.gdal import is_raster
from raysat.data.scenes.grid import crs_text, to_map
from raysat.data.scenes.raster import Scene
from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError, UsageError
from raysat.formatting import echo, plural

PURITY: Final = 0.8  # share of a chip that one class of polygons covers, where none is given
_LISTED: Final = 12  # scenes whose chips a note counts one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSource:
    """The chips of scenes, and the scenes, for a map."""

    patches: PatchSource
    scenes: tuple[SceneHead, ...]
    options: ChipOptions

    @contextmanager
    def opened(self, number: int) -> Iterator[Scene]:
        """Open a scene by its number."""
        with open_by(self.scenes[number].paths, self.options) as scene:
            yield scene


def read_chips(scenes: Sequence[Path], labels: Path, options: ChipOptions) -> ChipSource:
    """Return the chips that labels give of scenes.

    Args:
        scenes: a file of several bands, or a folder of files of one band each, for each scene; files that differ in
            nothing but the band in their name are one scene.
        labels: points or polygons in a vector file, or a raster of classes.
        options: how to cut them.

    Returns:
        The chips, which are read as they are asked for.

    Raises:
        DataError: scenes or labels that cannot be read or do not fit together, or labels outside the scenes.
        BandError: bands that a scene does not have.
        UsageError: options that do not go together.
    """
    heads = look_at(scenes, options)
    cuts, classes, unit = _cut(labels, heads, options)
    if cuts.outside and not options.skip_outside:
        hint = "give the scenes that hold it, or leave such labels out by {--skip-outside}"
        if not len(cuts):
            hint = "no label lies in a scene: is the CRS right that the labels say, and that of the scenes?"
        raise DataError(cuts.outside, hint=hint)
    if not len(cuts):
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in cuts.left_out.items())
        raise DataError(
            f"{labels} gives no chip{f': {reasons}' if reasons else ''}", hint="try a smaller {--size}, or {--purity}"
        )
    counts = cuts.counts(len(heads))
    splits = np.asarray(cuts.split, np.int64)
    notes = [_by_scene(heads, counts), *(f"left out: {count:,} {why}" for why, count in sorted(cuts.left_out.items()))]
    if options.split_by == "scene":
        of_scenes = split_scenes(counts)
        splits = of_scenes[np.asarray(cuts.scene, np.int64)]
        notes.append(f"split by scene: {describe_splits(of_scenes, counts)}")
    given = frozenset(SPLITS[code] for code in np.unique(splits).tolist() if code != UNKNOWN)
    source = PatchSource(
        kind="chips",
        path=labels,
        unit="chips",
        bands=heads[0].bands,
        sensor=options.sensor,
        classes=classes,
        ordinal=options.ordinal,
        splits=given,
        patches=_patches(heads, cuts, splits, options),
        total=len(cuts),
        place=lambda number: _said(labels, heads, cuts, number, unit),
        drop_zero=not options.keep_empty,
        notes=tuple(notes),
        facts={"scenes": len(heads), "size": options.size, "left_out": cuts.left_out.total()},
    )
    return ChipSource(patches=source, scenes=heads, options=options)


def _cut(labels: Path, heads: tuple[SceneHead, ...], options: ChipOptions) -> tuple[Cuts, tuple[str, ...], str]:
    """The chips, their classes, and what a label is called."""
    size, stride = options.size, options.stride or options.size
    if options.split_by is not None and options.split_column is not None:
        raise UsageError("{--split-by} and {--split-column} both say the splits", hint="give one of them")
    if is_raster(labels):
        for value, option in (
            (options.layer, "layer"),
            (options.label_column, "label-column"),
            (options.split_column, "split-column"),
        ):
            if value is not None:
                raise UsageError(f"a label raster has no columns, so {{--{option}}} says nothing", hint="leave it out")
        cuts, classes = cut_raster(
            labels, heads, size=size, stride=stride, purity=options.purity, classes=options.classes
        )
        return cuts, classes, "place"
    found = read_labels(
        labels,
        layer=options.layer,
        label_column=options.label_column,
        split_column=options.split_column,
        classes=options.classes,
    )
    if not found.are_points:
        purity = PURITY if options.purity is None else options.purity
        return cut_polygons(found, heads, size=size, stride=stride, purity=purity), found.classes, "polygon"
    for number, option in ((options.stride, "stride"), (options.purity, "purity")):
        if number is not None:
            raise UsageError(f"{{--{option}}} is of polygons and rasters; a point has one chip", hint="leave it out")

    @contextmanager
    def opened(number: int) -> Iterator[Scene]:
        with open_by(heads[number].paths, options) as scene:
            yield scene

    return cut_points(found, heads, size, opened), found.classes, "point"


def _patches(
    heads: Sequence[SceneHead], cuts: Cuts, splits: npt.NDArray[np.int64], options: ChipOptions
) -> Iterator[Patch]:
    """Read the chips, scene by scene."""
    open_now, stack = UNKNOWN, ExitStack()
    half = options.size / 2
    with stack:
        for index, number in enumerate(cuts.scene):
            if number != open_now:
                stack.close()
                scene = stack.enter_context(open_by(heads[number].paths, options))
                open_now, ref = number, _ref(heads[number])
            column, row = cuts.column[index], cuts.row[index]
            pixels, missing = scene.read(Window(column, row, options.size, options.size))
            x, y = to_map(scene.transform, np.array([column + half]), np.array([row + half]))
            code = int(splits[index])
            split: Split | None = None if code == UNKNOWN else SPLITS[code]
            yield Patch(
                pixels=pixels,
                label=cuts.label[index],
                split=split,
                missing=missing,
                place=Place(scene=ref, x=float(x[0]), y=float(y[0]), pixel_size=scene.pixel_size),
                done=index + 1,
            )


def _ref(head: SceneHead) -> SceneRef:
    ref = scene_ref(head.name[:200], crs_text(head.grid.crs))
    if ref is None:
        raise DataError(f"{echo(head.name)} has a name or a CRS that a store cannot hold", hint="rename the file")
    return ref


def _said(labels: Path, heads: Sequence[SceneHead], cuts: Cuts, number: int, unit: str) -> str:
    """Where a chip comes from, for errors."""
    where = f"{heads[cuts.scene[number]].name}, column {cuts.column[number]:,}, row {cuts.row[number]:,}"
    feature = cuts.feature[number]
    return f"{labels}: {where}" if feature == UNKNOWN else f"{labels}: {unit} {feature:,}, in {where}"


def _by_scene(heads: Sequence[SceneHead], counts: npt.NDArray[np.int64]) -> str:
    order = np.argsort(-counts, kind="stable")[:_LISTED]
    listed = ", ".join(f"{heads[each].name} {counts[each]:,}" for each in order.tolist())
    more = f", and {len(heads) - _LISTED:,} more" if len(heads) > _LISTED else ""
    return f"chips of {plural(len(heads), 'scene')}: {listed}{more}"
