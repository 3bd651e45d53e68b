"""The ``raysat predict`` command: maps of scenes, and predictions of a patch store."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from raysat.cli.commands import command
from raysat.cli.completers import arms_of_run, files, sensors, stores
from raysat.cli.console import aside, console, progress_bar
from raysat.cli.numbers import Whole
from raysat.cli.options import plugins_loaded, read_numbers, read_words
from raysat.cli.places import FOLDER
from raysat.config import limits
from raysat.errors import UsageError
from raysat.formatting import echo

if TYPE_CHECKING:
    from raysat.api.runs import Run
    from raysat.files import AnyPath
    from raysat.inference.store_predictions import SplitName

_OF_SCENES = ("stride", "bbox", "sensor", "bands", "resample", "allow_remote", "probabilities", "png", "address")


@command(
    "raysat predict runs/study scene.tif --out maps --png",
    "raysat predict runs/study STORE --out predictions.csv",
    short="Map scenes, or classify the patches of a store",
)
@click.argument("run", type=FOLDER)
@click.argument("sources", nargs=-1, required=True, metavar="SCENE...|STORE", shell_complete=files)
@click.option(
    "--out",
    required=True,
    metavar="DIR|FILE",
    shell_complete=files,
    help="Folder of maps; of a store a .csv or .parquet file.",
)
@click.option("--arm", metavar="NAME", shell_complete=arms_of_run, help="Whose models; by default --best.")
@click.option("--best", is_flag=True, help="The first arm of the leaderboard.")
@click.option("--seeds", metavar="0,1,...", help="Which seeds are averaged; by default all that are finished.")
@click.option(
    "--split", type=click.Choice(["train", "val", "test", "all"]), help="Of a store; by default its reported."
)
@click.option("--stride", type=Whole(1, limits.PATCH_SIDE), help="Pixels of a cell; by default a patch's.")
@click.option("--bbox", metavar="W,S,E,N", help="Map this part of the scene, in its CRS.")
@click.option(
    "--sensor",
    shell_complete=sensors,
    help="Names the bands of a file that does not: all of the sensor's, in its order.",
)
@click.option("--bands", metavar="B02,B03,...", help="Names all bands of a file, in its order.")
@click.option("--resample", is_flag=True, help="Bring scenes to the model's pixel size, north up.")
@click.option("--allow-remote", is_flag=True, help="Read scenes behind URLs: s3://, gs://, az://, https://.")
@click.option(
    "--probabilities",
    type=click.Choice(["uint8", "float16", "none"]),
    help="How those of each class are kept; by default uint8.",
)
@click.option("--png", is_flag=True, help="Draw each map, with legend, scale bar and north.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--data", shell_complete=stores, help="The store of the training, where an older raysat wrote the run.")
@click.option("--address", help="Map on a Ray cluster ('auto' on one of its machines); else on this machine.")
@plugins_loaded
def predict(
    run: AnyPath,
    sources: tuple[str, ...],
    out: str,
    arm: str | None,
    best: bool,
    seeds: str | None,
    split: SplitName | None,
    **given: Any,
) -> None:
    """Map SCENEs, rasters of any size, with the trained models of RUN; or classify the patches of a STORE.

    Each map is a folder of Cloud-Optimized GeoTIFFs: class, probabilities, entropy, disagreement between seeds.
    """
    if arm is not None and best:
        raise UsageError("--arm and --best are two ways to say which arm", hint="give one of them")
    from raysat.api.predictions import best_arm
    from raysat.api.runs import open_run

    opened = open_run(run)
    chosen = arm or best_arm(opened)
    models = {
        "arm": chosen,
        "seeds": None if seeds is None else read_numbers(seeds, "--seeds", 0, 2**32 - 1),
        "data": given.pop("data"),
    }
    aside().print(f"arm        {chosen}" + ("" if arm else " (the first of the leaderboard)"))
    if len(sources) == 1 and _is_store(sources[0]):
        _predict_store(opened, sources[0], out, split, models, given)
    elif split is not None:
        raise UsageError("--split is of a patch store, not of scenes", hint="leave it out")
    else:
        _predict_scenes(opened, sources, out, models, given)


def _predict_store(
    run: Run, source: str, out: str, split: SplitName | None, models: dict[str, Any], given: dict[str, Any]
) -> None:
    from raysat.api.predictions import predict_store

    if wrong := [name for name in _OF_SCENES if given[name]]:
        raise UsageError(f"--{wrong[0].replace('_', '-')} is of scenes, not of a patch store", hint="leave it out")
    screen = console()
    with progress_bar() as progress:
        found = predict_store(
            run, source, out=out, split=split, overwrite=given["overwrite"], progress=progress, **models
        )
    found.show(screen)
    aside().print(f"wrote {out}", style="dim")


def _predict_scenes(
    run: Run, sources: tuple[str, ...], out: str, models: dict[str, Any], given: dict[str, Any]
) -> None:
    from raysat.api.maps import predict
    from raysat.execution.cluster_options import ClusterOptions

    bands, box, address = (given.pop(name) for name in ("bands", "bbox", "address"))
    given["probabilities"] = given["probabilities"] or "uint8"
    screen = console()
    with progress_bar() as progress:
        made = predict(
            run,
            list(sources),
            out=out,
            bands=None if bands is None else read_words(bands, "--bands"),
            bbox=None if box is None else _box(box),
            cluster=ClusterOptions(address=address),
            progress=progress,
            **models,
            **given,
        )
    made.show(screen)
    for each in made.maps:
        aside().print(f"wrote {', '.join(file.name for file in each.files)} in {each.folder}", style="dim")


def _is_store(source: str) -> bool:
    """Whether a source is a patch store: a folder with its description, or one in an object store that is no raster."""
    from raysat.data.importers.source import DEMO
    from raysat.data.scenes.gdal import SUFFIXES
    from raysat.data.store_files import META
    from raysat.files import file_exists

    if source == DEMO:
        return True
    if "://" not in source:
        return file_exists(Path(source) / META)
    in_web, suffix = source.startswith(("http://", "https://")), PurePosixPath(source.partition("?")[0]).suffix.lower()
    return not in_web and suffix not in (*SUFFIXES, ".json", ".geojson")


def _box(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--bbox must be four numbers, got {echo(text)}", hint="west,south,east,north in the scene's CRS"
        ) from None
