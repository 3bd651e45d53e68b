"""The ``raysat generate`` command: synthetic patches alone, with pictures and figures to judge them by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raysat.cli.console import console, stopped
from raysat.cli.options import FOLDER, data_option, describe_store, machine_options, read_bands, read_words
from raysat.cli.signals import terminable
from raysat.config import limits
from raysat.errors import PlanError, StorageError, UsageError
from raysat.formatting import plural

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.config.families.images import Dcgan
    from raysat.data.store import PatchStore
    from raysat.execution.cluster_options import ClusterOptions
    from raysat.metrics.synthetic import SyntheticTraining
    from raysat.planning.jobs import GenerateJob
    from raysat.storage.artifacts import Artifacts


@click.command()
@data_option
@click.option("--classes", help="Labels or names with commas; by default every class but the largest.")
@click.option("--bands", default="all", show_default=True, help="A composite's name, or bands as 6,5,2.")
@click.option(
    "--patches",
    type=click.IntRange(1, limits.PATCHES),
    help="Patches of each class; by default up to the largest class.",
)
@click.option("--steps", type=click.IntRange(1, limits.GAN_STEPS), help="Training steps of each generator.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Decides every generator.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the stores; a study looks in its OUT/generated.")
@machine_options
def generate(
    data: str,
    classes: str | None,
    bands: str,
    patches: int | None,
    steps: int | None,
    seed: int | None,
    out: Path,
    cluster: ClusterOptions,
) -> int:
    """Train a DC-GAN per class and keep its patches as a store, with sample grids and quality figures.

    What is there already is not made again. Trials that ask for the same generators share them.
    """
    from raysat.config.schema import Config, Data
    from raysat.data.importers.source import open_data
    from raysat.generation.check import check_generation
    from raysat.planning.jobs import generate_jobs
    from raysat.planning.resolve import resolve_config
    from raysat.storage.artifacts import Artifacts
    from raysat.storage.ledger import Ledger
    from raysat.views.generate import show_quality, show_training

    screen = console()
    store = open_data(data)
    if store.generated:
        raise PlanError(f"{store.path} holds generated patches", hint="give the real store that they were made from")
    data_config = Data.model_validate({"bands": read_bands(bands)})
    config = resolve_config(Config(data=data_config, synthetic=_gan(classes, patches, steps, seed)), store)
    jobs = generate_jobs(config, store)
    for job in jobs:
        check_generation(job.work, store)
    screen.print(f"data       {data}: {describe_store(store)}")
    screen.print(f"bands      {', '.join(map(str, config.data.bands))}")
    artifacts, ledger = Artifacts(out), Ledger(out)
    missing = [job for job in jobs if not artifacts.is_finished(job.id)]
    interrupted = False
    if missing:
        from raysat.execution.run import generate as run
        from raysat.views.run import RunView

        with terminable():
            summary = run(missing, store, ledger, artifacts, cluster, RunView(screen))
        interrupted = summary.interrupted
        screen.print(f"done       {plural(summary.finished, 'generator')}, {summary.failed} failed")
    else:
        screen.print(f"nothing to do: all {plural(len(jobs), 'generator')} are finished")
    show_quality(jobs, artifacts, ledger, screen)
    if all(artifacts.is_finished(job.id) for job in jobs):
        if (training := _train_on_synthetic(jobs, store, artifacts, screen)) is not None:
            show_training(training, screen)
        for job in jobs:
            screen.print(f"pictures   {artifacts.path(job.id)}", style="dim")
    if interrupted:
        return stopped(screen)
    return 0 if all(artifacts.is_finished(job.id) for job in jobs) else 1


def _train_on_synthetic(
    jobs: Sequence[GenerateJob], store: PatchStore, artifacts: Artifacts, screen: Console
) -> SyntheticTraining | None:
    """What a classifier learns of all generated patches together; measured once, kept beside them."""
    from raysat.config.schema import digest
    from raysat.files import read_model, write_atomic
    from raysat.metrics.synthetic import SyntheticTraining

    stores = {job.work.label: artifacts.open(job.id) for job in jobs}
    fingerprints = [generated.fingerprint for generated in stores.values()]
    file = artifacts.root / f"train-on-synthetic-{digest(fingerprints)}.json"
    try:
        return read_model(SyntheticTraining, file, remedy="")
    except StorageError:  # not measured yet, or damaged
        from raysat.generation.quality import train_on_synthetic

        screen.print("judging    training classifiers on synthetic and on real patches ...", style="dim")
        images = {label: generated.images for label, generated in stores.items()}
        training = train_on_synthetic(images, store, bands=jobs[0].work.bands)
        if training is not None:
            write_atomic(file, training.model_dump_json(indent=1))
        return training


def _gan(classes: str | None, patches: int | None, steps: int | None, seed: int | None) -> Dcgan:
    """The generator that the options describe."""
    from raysat.config.families.images import Dcgan

    given: dict[str, Any] = {"steps": steps, "seed": seed, "patches": patches, "equalise": patches is None}
    if classes is not None:
        given["classes"] = read_words(classes, "--classes")  # a number that names no class is a label
    try:
        return Dcgan.model_validate({key: value for key, value in given.items() if value is not None})
    except ValueError as error:
        raise UsageError(f"the generator cannot be made: {error}") from None
