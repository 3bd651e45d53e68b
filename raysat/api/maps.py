"""Trained models in use: dense maps of whole scenes, and predictions of patch stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.api.runs import Run, open_run
from raysat.api.stores import Store, as_store
from raysat.config import limits
from raysat.config.arguments import Seed, checked
from raysat.errors import UsageError
from raysat.execution.cluster_options import ClusterOptions
from raysat.files import AnyPath, ObjectPath, as_path, file_exists, write_atomic
from raysat.metrics.confusion import Metrics
from raysat.views.maps import show_maps, show_predictions
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from raysat.inference.load import TrainedArm
    from raysat.inference.maps.scene_map import MapOptions, SceneMap
    from raysat.inference.store_predictions import StorePredictions

Stride = Annotated[int, Ge(1), Le(limits.PATCH_SIDE)]
Progress = Callable[[str, int, int], None]
_TABLES = (".csv", ".parquet")


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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PatchPredictions(Shown):
    """What an arm says of the patches of a store."""

    store: Store
    found: StorePredictions

    def __repr__(self) -> str:
        return f"<PatchPredictions of {len(self.found.indices):,} patches by {self.found.arm!r}>"

    @property
    def metrics(self) -> Metrics | None:
        """Of the averaged probabilities; None where the store's classes are not the models'."""
        return self.found.metrics

    @property
    def metrics_by_seed(self) -> dict[int, Metrics]:
        """Of each seed alone; empty where the store's classes are not the models'."""
        return dict(zip(self.found.seeds, self.found.by_seed, strict=False))

    def to_frame(self) -> pd.DataFrame:
        """A row per patch, by its position in the store: split, class, prediction, probabilities, entropy."""
        import pandas as pd

        from raysat.data.splits import SPLITS

        found, rows = self.found, self.found.indices
        names = np.array(found.classes, dtype=object)
        columns = {
            "split": np.array(SPLITS, dtype=object)[self.store.splits[rows]],
            "label": np.array(self.store.classes, dtype=object)[self.store.labels[rows]],
            "predicted": names[found.predicted],
        }
        columns |= {f"p_{name}": found.probabilities[:, k] for k, name in enumerate(found.classes)}
        columns |= {"entropy": found.entropy}
        if found.disagreement is not None:
            columns["disagreement"] = found.disagreement
        return pd.DataFrame(columns, index=pd.Index(rows, name="patch"))

    @override
    def show(self, console: Console) -> None:
        show_predictions(self.found, console)


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

    One scene is mapped in this process; several as tasks on Ray.

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
        cluster: where several scenes are mapped; by default this machine.
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
    from raysat.inference.maps.scene_map import MapOptions, check_map, check_names, make_map
    from raysat.inference.maps.source import SceneOptions

    sources = [str(scenes)] if isinstance(scenes, Path | str) else [str(scene) for scene in scenes]
    if not sources:
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
    trained = _load(opened, arm, seeds, data)
    check_names(sources)
    for source in sources:  # before any is mapped
        check_map(trained, source, folder, options)
    if len(sources) == 1:
        made = [
            make_map(
                trained,
                sources[0],
                folder,
                options,
                run=opened.path.name,
                on_windows=_step(progress, "mapping"),
            )
        ]
    else:
        made = _on_ray(opened, trained, sources, folder, options, data, cluster or ClusterOptions(), progress)
    return Maps(arm=trained.name, seeds=trained.seeds, maps=tuple(made))


@checked
def predict_store(
    run: Run | AnyPath | str,
    store: Store | Path | str,
    *,
    split: Literal["train", "val", "test", "all"] | None = None,
    out: AnyPath | str | None = None,
    arm: str | None = None,
    seeds: Sequence[Seed] | None = None,
    overwrite: bool = False,
    data: Store | Path | str | None = None,
    progress: Progress | None = None,
) -> PatchPredictions:
    """Classify the patches of a store with the models of an arm, whose probabilities are averaged over its seeds.

    Args:
        run: a run, its path or URL.
        store: a patch store, its path or URL, or ``demo``.
        split: which patches; by default those that results of the store are of.
        out: write a row per patch here: ``.csv`` or ``.parquet``; by default nothing is written.
        arm: its name; by default the first of the leaderboard.
        seeds: which of the arm's; by default all that are finished.
        overwrite: replace a file that is there.
        data: the store that the run was trained on, where an older raysat wrote it.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        The predictions, with metrics where the store's classes are among the models'.

    Raises:
        UsageError: an arm or seed that is not finished, a file that is there, a split without patches.
        BandError: the store does not have the models' bands.
        DataError: its patches are of another size or type.
        DiskError: the file cannot be written.
    """
    from raysat.inference.store_predictions import predict_store as classify

    target = None if out is None else _table(out, overwrite=overwrite)
    opened, (patches, _) = run if isinstance(run, Run) else open_run(run), as_store(store)
    trained = _load(opened, arm, seeds, data)
    found = classify(trained, patches, split or patches.reported_split, _step(progress, "classifying"))
    result = PatchPredictions(store=patches, found=found)
    if target is not None:
        frame = result.to_frame().reset_index()
        content = frame.to_csv(index=False).encode() if target.suffix == ".csv" else frame.to_parquet(index=False)
        write_atomic(target, content)
    return result


def best_arm(run: Run) -> str:
    """The first arm of a run's leaderboard. Raises UsageError where none has a finished trial."""
    ranked = run.leaderboard().ranked
    if not ranked:
        raise UsageError(f"{run.path} has no finished trial", hint=f"see {{raysat status}} {run.path}")
    return ranked[0].name


def _load(run: Run, arm: str | None, seeds: Sequence[int] | None, data: Store | Path | str | None) -> TrainedArm:
    from raysat.inference.load import load_arm
    from raysat.training.device import default_device

    store = None if data is None else as_store(data)[0]
    return load_arm(run.ledger, arm or best_arm(run), device=default_device(), seeds=seeds, store=store)


def _on_ray(
    run: Run,
    trained: TrainedArm,
    sources: Sequence[str],
    out: Path,
    options: MapOptions,
    data: Store | Path | str | None,
    cluster: ClusterOptions,
    progress: Progress | None,
) -> list[SceneMap]:
    from raysat.execution.mapping import ArmRef, map_scenes

    name = None if data is None else str(data.path if isinstance(data, Store) else data)
    models = ArmRef(run=run.path, arm=trained.name, seeds=trained.seeds, data=name)
    return map_scenes(models, sources, out, options, cluster, _step(progress, "scenes mapped"))


def _step(progress: Progress | None, title: str) -> Callable[[int, int], None]:
    return (lambda done, total: progress(title, done, total)) if progress else lambda *_: None


def _folder(out: Path | str) -> Path:
    folder = as_path(out)
    if isinstance(folder, ObjectPath):
        raise UsageError(f"{folder} is no folder of this machine", hint="write maps to a disk, and copy them")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="{--out} is the folder of maps")
    return folder


def _table(out: AnyPath | str, *, overwrite: bool) -> AnyPath:
    target = as_path(out)
    if target.suffix not in _TABLES:
        raise UsageError(f"cannot write predictions to {target}", hint=f"name a file that ends in {', '.join(_TABLES)}")
    if not overwrite and file_exists(target):
        raise UsageError(f"{target} is there already", hint="{--overwrite} replaces it")
    return target


def _box(bbox: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if bbox is None:
        return None
    if len(bbox) != 4 or not np.isfinite(bbox).all():
        raise UsageError("{--bbox} is four numbers: west, south, east, north")
    west, south, east, north = bbox
    return west, south, east, north
