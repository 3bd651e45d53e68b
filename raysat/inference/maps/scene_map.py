"""The map of one scene: checked first, then made in a folder of its own, all files or none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio.transform import Affine

from raysat import __version__
from raysat.data.scenes.grid import to_map
from raysat.data.scenes.scene import Scene
from raysat.errors import UsageError
from raysat.files import install_folder, partial_folder, write_unsynced, writing
from raysat.inference.load import TrainedArm
from raysat.inference.maps.classify import OnWindows, map_cells
from raysat.inference.maps.figure import draw_map
from raysat.inference.maps.layers import CellGrid, MapFiles, check_space, map_layers
from raysat.inference.maps.reading import Region
from raysat.inference.maps.record import MAP, MapRecord
from raysat.inference.maps.source import SceneOptions, open_for, scene_name
from raysat.inference.maps.tiling import Axis, Tiling

Box = tuple[float, float, float, float]
_CACHE: Final = 128 << 20  # bytes of unpacked tiles: more than a row of them across a swath
PICTURE: Final = "map.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """What maps are made of, and how."""

    scenes: SceneOptions = field(default_factory=SceneOptions)
    stride: int | None = None  # pixels between windows, and of a cell; by default those of a patch
    bbox: Box | None = None  # west, south, east, north in the scene's CRS
    probabilities: str = "uint8"  # or float16, none
    png: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMap:
    """A finished map."""

    folder: Path
    record: MapRecord

    @property
    def files(self) -> tuple[Path, ...]:
        """Its layers and, where it was asked for, its picture."""
        names = [*self.record.layers, *(PICTURE for _ in range((self.folder / PICTURE).is_file()))]
        return tuple(self.folder / name for name in names)


def check_map(trained: TrainedArm, source: str, out: Path, options: MapOptions) -> None:
    """Look whether a map can be made, and read nothing but a few patches.

    Args:
        trained: the models.
        source: the scene.
        out: the folder of maps.
        options: how it is to be made.

    Raises:
        UsageError: the map is there already, the box is empty, or what ``open_for`` says.
        DataError: what ``open_for`` says.
    """
    _check_target(out / scene_name(source), options)
    with open_for(trained.inputs, source, options.scenes) as scene:
        _tiling(trained, _region(scene, options.bbox), options.stride)


def make_map(
    trained: TrainedArm, source: str, out: Path, options: MapOptions, *, run: str, on_windows: OnWindows
) -> SceneMap:
    """Make the map of a scene in ``out/<its name>``.

    Args:
        trained: the models, whose probabilities are averaged.
        source: the scene.
        out: the folder of maps.
        options: how it is to be made.
        run: that the models are of, for the record.
        on_windows: is told how many windows are done, and are in all.

    Returns:
        The map.

    Raises:
        UsageError: as ``check_map``.
        DataError: as ``check_map``, or a file is damaged.
        DiskError: it cannot be written; nothing is left of it.
    """
    target = out / scene_name(source)
    _check_target(target, options)
    # GDAL would keep a twentieth of the machine's memory in unpacked tiles.
    with rasterio.Env(GDAL_CACHEMAX=_CACHE), open_for(trained.inputs, source, options.scenes) as scene:
        region = _region(scene, options.bbox)
        tiling = _tiling(trained, region, options.stride)
        rows, columns = tiling.shape
        stride = tiling.rows.stride, tiling.columns.stride
        transform = _cell_transform(scene.transform, region, stride)
        grid = CellGrid(crs=scene.crs, transform=transform, height=rows, width=columns)
        layers = map_layers(trained.classes, probabilities=options.probabilities, models=len(trained.models))
        record = MapRecord(
            raysat=__version__,
            run=run,
            arm=trained.name,
            seeds=trained.seeds,
            trials=trained.trials,
            classes=trained.classes,
            bands=trained.inputs.bands,
            source=str(scene.paths[0] if len(scene.paths) == 1 else source),
            resampled=scene.resampled,
            region=(region.column, region.row, region.width, region.height),
            patch=(trained.inputs.height, trained.inputs.width),
            stride=stride,
            cells=tiling.shape,
            crs=None if scene.crs is None else scene.crs.to_wkt(),
            transform=(transform.a, transform.b, transform.c, transform.d, transform.e, transform.f),
            counts=(0,) * len(trained.classes),
            nodata=0,
            layers=tuple(f"{layer.name}.tif" for layer in layers),
        )
        check_space(target, grid, layers)
        with writing(target), partial_folder(target) as work:
            files = MapFiles(work, grid, layers, trained.classes, tags=_tags(record), shown=target)
            try:
                for cells in map_cells(trained.models, scene, region, tiling, on_windows):
                    files.write(cells)
                files.finish()
            finally:
                files.close()
            counts = [int(count) for count in files.counts]
            record = record.model_copy(update={"counts": tuple(counts[: len(trained.classes)]), "nodata": counts[-1]})
            write_unsynced(work / MAP, record.model_dump_json(indent=1) + "\n")
            if options.png:
                draw_map(work / record.layers[0], record, work / PICTURE)
            install_folder(work, target)
    return SceneMap(folder=target, record=record)


def check_names(sources: Sequence[str]) -> None:
    """Raise UsageError where two scenes' maps would be called the same."""
    seen: dict[str, str] = {}
    for source in sources:
        name = scene_name(source)
        if name in seen:
            raise UsageError(
                f"the maps of {seen[name]} and {source} would both be called {name}",
                hint="map them one after the other, with another {--out}",
            )
        seen[name] = source


def _check_target(target: Path, options: MapOptions) -> None:
    if target.exists() or target.is_symlink():
        if not options.overwrite:
            raise UsageError(f"{target} is there already", hint="{--overwrite} replaces it")
        if not (target / MAP).is_file():
            raise UsageError(f"{target} is no map, so it is not replaced", hint="choose another {--out}")


def _region(scene: Scene, bbox: Box | None) -> Region:
    """The pixels that a box touches. Raises UsageError where it is empty."""
    whole = Region(row=0, column=0, height=scene.height, width=scene.width)
    if bbox is None:
        return whole
    west, south, east, north = bbox
    x, y = np.array([west, east]), np.array([north, south])
    (left, right), (top, bottom) = (axis.tolist() for axis in to_map(~scene.transform, x, y))
    column, row = max(0, math.floor(left + 1e-6)), max(0, math.floor(top + 1e-6))
    width = min(scene.width, math.ceil(right - 1e-6)) - column
    height = min(scene.height, math.ceil(bottom - 1e-6)) - row
    if not (west < east and south < north and width > 0 and height > 0):
        t = scene.transform
        bounds = f"{t.c:.10g},{t.f + t.e * scene.height:.10g},{t.c + t.a * scene.width:.10g},{t.f:.10g}"
        raise UsageError(
            f"{{--bbox}} holds nothing of {scene.name}, which is {bounds}", hint="west, south, east, north"
        )
    return Region(row=row, column=column, height=height, width=width)


def _cell_transform(t: Affine, region: Region, stride: tuple[int, int]) -> Affine:
    """Of column and row of cells into x and y, from that of pixels."""
    (x,), (y,) = to_map(t, np.array([float(region.column)]), np.array([float(region.row)]))
    rows, columns = stride
    return Affine(t.a * columns, t.b * rows, float(x), t.d * columns, t.e * rows, float(y))


def _tiling(trained: TrainedArm, region: Region, stride: int | None) -> Tiling:
    height, width = trained.inputs.height, trained.inputs.width
    if stride is not None and not 1 <= stride <= min(height, width):
        raise UsageError(
            f"{{--stride}} must be from 1 to {min(height, width)}, the model's patches, not {stride}",
            hint="less gives finer maps, and takes longer",
        )
    return Tiling(
        rows=Axis(length=region.height, patch=height, stride=stride or height),
        columns=Axis(length=region.width, patch=width, stride=stride or width),
    )


def _tags(record: MapRecord) -> dict[str, str]:
    """What each layer says of itself."""
    return {
        "RAYSAT_RUN": record.run,
        "RAYSAT_ARM": record.arm,
        "RAYSAT_SEEDS": ",".join(map(str, record.seeds)),
        "RAYSAT_PATCH": f"{record.patch[1]} x {record.patch[0]} px",
        "RAYSAT_STRIDE": f"{record.stride[1]} x {record.stride[0]} px",
        "RAYSAT_VERSION": record.raysat,
    }
