"""The map of one scene: checked first, then made in a folder of its own, all files or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import rasterio

from raysat import __version__
from raysat.data.scenes.remote import RasterPath
from raysat.data.scenes.scene import Scene
from raysat.errors import UsageError
from raysat.files import install_folder, partial_folder, write_unsynced, writing
from raysat.inference.load import TrainedArm
from raysat.inference.maps.classify import OnWindows, map_cells
from raysat.inference.maps.figure import draw_map
from raysat.inference.maps.geotiffs import CellGrid, MapFiles, check_space
from raysat.inference.maps.layers import Layer, map_layers
from raysat.inference.maps.record import MAP, MapRecord
from raysat.inference.maps.region import Box, Region, region_of
from raysat.inference.maps.source import SceneOptions, open_for, scene_name
from raysat.inference.maps.tiling import Axis, Tiling

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
        picture = self.folder / PICTURE
        return (*(self.folder / name for name in self.record.layers), *([picture] if picture.is_file() else []))


def check_map(trained: TrainedArm, place: RasterPath, out: Path, options: MapOptions) -> None:
    """Look whether a map can be made, and read nothing but a few patches.

    Args:
        trained: the models.
        place: of the scene.
        out: the folder of maps.
        options: how it is to be made.

    Raises:
        UsageError: the map is there already, the box is empty, there are too many classes, or what ``open_for`` says.
        DataError: what ``open_for`` says.
    """
    _check_target(out / scene_name(place), options)
    with open_for(trained.inputs, place, options.scenes) as scene:
        _parts(trained, scene, options)


def make_map(
    trained: TrainedArm, place: RasterPath, out: Path, options: MapOptions, *, run: str, on_windows: OnWindows
) -> SceneMap:
    """Make the map of a scene in ``out/<its name>``.

    Args:
        trained: the models, whose probabilities are averaged.
        place: of the scene.
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
    target = out / scene_name(place)
    _check_target(target, options)
    # GDAL would keep a twentieth of the machine's memory in unpacked tiles.
    with rasterio.Env(GDAL_CACHEMAX=_CACHE), open_for(trained.inputs, place, options.scenes) as scene:
        region, tiling, layers = _parts(trained, scene, options)
        stride = tiling.rows.stride, tiling.columns.stride
        transform = region.cells(scene.transform, stride)
        grid = CellGrid(crs=scene.crs, transform=transform, height=tiling.shape[0], width=tiling.shape[1])
        record = MapRecord(
            raysat=__version__,
            run=run,
            arm=trained.name,
            seeds=trained.seeds,
            trials=trained.trials,
            classes=trained.classes,
            bands=trained.inputs.bands,
            source=str(place),
            resampled=scene.resampled,
            region=(region.column, region.row, region.width, region.height),
            patch=(trained.inputs.height, trained.inputs.width),
            stride=stride,
            cells=tiling.shape,
            crs=None if scene.crs is None else scene.crs.to_wkt(),
            transform=(transform.a, transform.b, transform.c, transform.d, transform.e, transform.f),
            counts=(0,) * len(trained.classes),
            nodata=0,
            layers=tuple(layer.file for layer in layers),
        )
        with writing(target):
            check_space(target, grid, layers)
        with writing(target), partial_folder(target) as work:
            with MapFiles(work, grid, layers, trained.classes, tags=_tags(record), shown=target) as files:
                for cells in map_cells(trained.models, scene, region, tiling, on_windows):
                    files.write(cells)
                files.finish()
            counts = [int(count) for count in files.counts]
            record = record.model_copy(update={"counts": tuple(counts[: len(trained.classes)]), "nodata": counts[-1]})
            write_unsynced(work / MAP, record.model_dump_json(indent=1) + "\n")
            if options.png:
                draw_map(work / record.layers[0], record, work / PICTURE)
            install_folder(work, target)
    return SceneMap(folder=target, record=record)


def check_names(places: Sequence[RasterPath]) -> None:
    """Raise UsageError where two scenes' maps would be called the same."""
    seen: dict[str, RasterPath] = {}
    for place in places:
        name = scene_name(place)
        if name in seen:
            raise UsageError(
                f"the maps of {seen[name]} and {place} would both be called {name}",
                hint="map them one after the other, with another {--out}",
            )
        seen[name] = place


def _check_target(target: Path, options: MapOptions) -> None:
    with writing(target):
        there, is_map = target.exists() or target.is_symlink(), (target / MAP).is_file()
    if there and not options.overwrite:
        raise UsageError(f"{target} is there already", hint="{--overwrite} replaces it")
    if there and not is_map:
        raise UsageError(f"{target} is no map, so it is not replaced", hint="choose another {--out}")


def _parts(trained: TrainedArm, scene: Scene, options: MapOptions) -> tuple[Region, Tiling, list[Layer]]:
    """What of a scene is mapped, in which windows, to which layers. Raises UsageError where that cannot be."""
    region = region_of(scene, options.bbox)
    layers = map_layers(trained.classes, probabilities=options.probabilities, models=len(trained.models))
    return region, _tiling(trained, region, options.stride), layers


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
