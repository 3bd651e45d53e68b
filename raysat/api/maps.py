"""Trained models in use: dense maps of whole scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.api.predictions import Progress, load_models, step
from raysat.api.runs import Run, open_run
from raysat.api.stores import Store
from raysat.config import limits
from raysat.config.arguments import Seed, checked
from raysat.errors import UsageError
from raysat.execution.cluster_options import ClusterOptions
from raysat.files import AnyPath, ObjectPath, as_path, writing
from raysat.views.maps import show_maps
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from raysat.data.scenes.remote import RasterPath
    from raysat.inference.load import TrainedArm
    from raysat.inference.maps.scene_map import MapOptions, SceneMap

Stride = Annotated[int, Ge(1), Le(limits.PATCH_SIDE)]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Maps(Shown):
    """Maps that an arm made, a folder each."""

    arm: str
    seeds: tuple[int, ...]  # whose probabilities are averaged
    maps: tuple[SceneMap, ...]

    def __repr__(self) -> str:
        return f"<Maps of {len(self.maps)} scenes by {self.arm!r}>"

    @property
    def files(self) -> tuple[Path, ...]:
        """All that was written: layers and pictures."""
        return tuple(file for each in self.maps for file in each.files)

    def to_frame(self) -> pd.DataFrame:
        """A row per scene and class: its cells, and their share of those that are mapped."""
        import pandas as pd

        rows = [
            {
                "scene": each.folder.name,
                "class": name,
                "cells": count,
                "share": count / (sum(each.record.counts) or 1),
            }
            for each in self.maps
            for name, count in zip(each.record.classes, each.record.counts, strict=True)
        ]
        return pd.DataFrame(rows).set_index(["scene", "class"])

    @override
    def show(self, console: Console) -> None:
        show_maps(self.maps, console)


@checked
def predict(
    run: Run | AnyPath | str,
    scenes: Path | str | Sequence[Path | str],
    *,
    out: Path | str,
    arm: str | None = None,
    seeds: Sequence[Seed] | None = None,
    stride: Stride | None = None,
    bbox: Sequence[float] | None = None,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    resample: bool = False,
    allow_remote: bool = False,
    probabilities: Literal["uint8", "float16", "none"] = "uint8",
    png: bool = False,
    overwrite: bool = False,
    data: Store | Path | str | None = None,
    cluster: ClusterOptions | None = None,
    progress: Progress | None = None,
) -> Maps:
    """Map whole scenes with the models of an arm, whose probabilities are averaged over its seeds (``docs/maps.md``).

    One scene is mapped in this process; several, or any with the address of a cluster, are tasks on Ray.

    Args:
        run: a run, its path or URL.
        scenes: each a raster, a folder of one raster a band, or a STAC item; or the URL of one.
        out: the folder of maps; each goes to ``out/<scene>``, as Cloud-Optimized GeoTIFFs.
        arm: its name; by default the first of the leaderboard.
        seeds: which of the arm's; by default all that are finished.
        stride: pixels between windows, and along a cell of the map; by default those of a patch.
        bbox: west, south, east and north of the part to map, in the scene's CRS; by default all of it.
        sensor: names the bands of a file that does not name them, where they are all of the sensor's in its order.
        bands: names of all bands of a file, in its order.
        resample: bring scenes to the model's pixel size, north up.
        allow_remote: read scenes and assets behind URLs.
        probabilities: how they are kept: ``uint8`` steps of 1/254, ``float16``, or ``none``.
        png: draw each map with a legend, a scale bar and an arrow to the north.
        overwrite: replace maps that are there.
        data: the store that the run was trained on, where an older raysat wrote it.
        cluster: where tasks run; by default on this machine.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        The maps.

    Raises:
        UsageError: an arm or seed that is not finished, a map that is there, an empty box, another sensor.
        BandError: a scene without the models' bands.
        DataError: a scene that cannot be read, or of another type, scale or pixel size.
        DiskError: a map cannot be written; nothing is left of it.
        ClusterError: Ray cannot be reached or started, or a worker is lost.
    """
    from raysat.data.scenes.remote import raster_path
    from raysat.inference.maps.scene_map import MapOptions, check_map, check_names, make_map
    from raysat.inference.maps.source import SceneOptions

    places = [raster_path(scene) for scene in ([scenes] if isinstance(scenes, Path | str) else scenes)]
    if not places:
        raise UsageError("no scene is given", hint="give the path of a raster")
    options = MapOptions(
        scenes=SceneOptions(
            sensor=sensor, bands=None if bands is None else tuple(bands), resample=resample, allow_remote=allow_remote
        ),
        stride=stride,
        bbox=_box(bbox),
        probabilities=probabilities,
        png=png,
        overwrite=overwrite,
    )
    folder = _folder(out)
    opened = run if isinstance(run, Run) else open_run(run)
    trained = load_models(opened, arm, seeds, data)
    check_names(places)
    for place in places:  # before any is mapped
        check_map(trained, place, folder, options)
    if len(places) == 1 and (cluster is None or cluster.address is None):
        windows = step(progress, "mapping")
        made = [make_map(trained, places[0], folder, options, run=opened.path.name, on_windows=windows)]
    else:
        made = _on_ray(opened, trained, places, folder, options, data, cluster or ClusterOptions(), progress)
    return Maps(arm=trained.name, seeds=trained.seeds, maps=tuple(made))


def _on_ray(
    run: Run,
    trained: TrainedArm,
    places: Sequence[RasterPath],
    out: Path,
    options: MapOptions,
    data: Store | Path | str | None,
    cluster: ClusterOptions,
    progress: Progress | None,
) -> list[SceneMap]:
    from raysat.execution.mapping import ArmRef, map_scenes

    name = None if data is None else str(data.path if isinstance(data, Store) else data)
    models = ArmRef(run=run.path, arm=trained.name, seeds=trained.seeds, data=name)
    return map_scenes(models, places, out, options, cluster, step(progress, "scenes mapped"))


def _folder(out: Path | str) -> Path:
    folder = as_path(out)
    if isinstance(folder, ObjectPath):
        raise UsageError(f"{folder} is no folder of this machine", hint="write maps to a disk, and copy them")
    with writing(folder):
        is_file = folder.exists() and not folder.is_dir()
    if is_file:
        raise UsageError(f"{folder} is a file", hint="{--out} is the folder of maps")
    return folder


def _box(bbox: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if bbox is None:
        return None
    if len(bbox) != 4 or not np.isfinite(bbox).all():
        raise UsageError("{--bbox} is four numbers", hint="west,south,east,north")
    west, south, east, north = bbox
    return west, south, east, north
