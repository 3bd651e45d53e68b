"""Synthetic patches alone: a generator per class, and how good its patches are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.console import Console
from typing_extensions import override

from raysat.api.stores import Store, as_store, shown_store
from raysat.config.arguments import checked
from raysat.config.schema import Config, digest
from raysat.config.validate import validate
from raysat.config.yaml_source import YamlValue
from raysat.data.remote.open import copy_to_node
from raysat.data.store import PatchStore
from raysat.errors import PlanError, StorageError
from raysat.execution.cluster.forked_workers import workers_begun
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent, Resumed
from raysat.execution.run_state import Summary
from raysat.files import AnyPath, read_model, write_atomic
from raysat.generation.check import check_generation
from raysat.metrics.synthetic import SyntheticTraining
from raysat.planning.jobs import GenerateJob, generate_jobs
from raysat.planning.resolve import resolve_config
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.views.generate import show_quality
from raysat.views.notebook import default_view
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Generators(Shown):
    """Generators that were asked for, one per class, and the patches of those that are finished."""

    store: PatchStore  # the real patches
    jobs: tuple[GenerateJob, ...]
    artifacts: Artifacts
    ledger: Ledger  # holds failures
    outcome: Summary  # of the training

    def __repr__(self) -> str:
        return f"<Generators {', '.join(job.class_name for job in self.jobs)} in {str(self.artifacts.root)!r}>"

    @property
    def finished(self) -> tuple[GenerateJob, ...]:
        """Those whose patches can be read."""
        return tuple(job for job in self.jobs if self.artifacts.is_finished(job.id))

    @property
    def stores(self) -> dict[str, Store]:
        """The generated patches by class name."""
        return {job.class_name: shown_store(self.artifacts.open(job.id)) for job in self.finished}

    def to_frame(self) -> pd.DataFrame:
        """A row per finished generator: patches, losses at the end, and each measure beside that of real patches."""
        from raysat.reporting.render.frames import make_frame
        from raysat.reporting.render.rows import Rows

        rows = []
        for job in self.finished:
            record = self.artifacts.read(job.id)
            row: dict[str, object] = {
                "class": job.class_name,
                "kind": record.kind,
                "real": record.real,
                "patches": record.patches,
            }
            row |= {"steps": record.steps, "collapsed": record.collapsed, "seconds": record.seconds}
            row |= {"generator_loss": record.generator_loss, "discriminator_loss": record.discriminator_loss}
            for name, measure in record.quality.measures().items():
                row |= {name: measure.generated, f"{name}_real": measure.held_out}
            rows.append(row)
        return make_frame(Rows(index=("class",), rows=rows))

    def train_on_synthetic(self) -> SyntheticTraining | None:
        """What a classifier learns of all generated patches together, beside the real ones; None where it cannot tell.

        Measured once, and kept beside the patches. Raises StorageError where a generator is not finished.
        """
        if len(self.finished) < len(self.jobs):
            raise StorageError("not every generator is finished", hint="generate them first")
        stores = {job.work.label: self.artifacts.open(job.id) for job in self.jobs}
        fingerprints = [generated.fingerprint for generated in stores.values()]
        file = self.artifacts.root / f"train-on-synthetic-{digest(fingerprints)}.json"
        try:
            return read_model(SyntheticTraining, file, remedy="")
        except StorageError:  # not measured yet, or damaged
            from raysat.generation.quality import train_on_synthetic

            images = {label: np.asarray(generated.images) for label, generated in stores.items()}
            training = train_on_synthetic(images, copy_to_node(self.store), bands=self.jobs[0].work.bands)
            if training is not None:
                write_atomic(file, training.model_dump_json(indent=1))
            return training

    @override
    def show(self, console: Console) -> None:
        show_quality(self.jobs, self.artifacts, self.ledger, console)


@checked
def generate(
    data: Store | Path | str = "demo",
    *,
    out: AnyPath | str,
    kind: Literal["dcgan", "flow"] = "dcgan",
    classes: Sequence[int | str] | None = None,
    bands: str | Sequence[int | str] = "all",
    patches: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    cluster: ClusterOptions | None = None,
    on_event: OnEvent | None = None,
) -> Generators:
    """Train a generator per class and keep its patches as a store, with sample grids and measures of quality.

    What is there already is not made again. Trials that ask for the same generators share them.

    Args:
        data: a patch store, its path or URL, or ``demo``.
        out: the folder of the generated stores, or its URL; a study looks in its ``out/generated``.
        kind: of generator, a DC-GAN or a flow.
        classes: names or labels; by default every class but the largest.
        bands: ``all``, a composite's name, or numbers and names.
        patches: to make of each class; by default up to the largest class.
        steps: training steps of each generator.
        seed: decides every generator.
        cluster: the machine or cluster, and what each generator gets of it.
        on_event: is told how it goes; by default a notebook shows a live table, and a script nothing.

    Returns:
        The generators.

    Raises:
        UsageError: a class, band or number that cannot be.
        ClusterError: Ray cannot be reached or started, or has not the resources.
        StorageError: another process fills the folder, or patches cannot be written.
    """
    store, _ = as_store(data)
    if store.generated:
        raise PlanError(f"{store.path} holds generated patches", hint="give the store of real ones")
    asked: dict[str, object] = {"kind": kind, "equalise": patches is None}
    asked |= {"classes": classes, "patches": patches, "steps": steps, "seed": seed}
    asked = {key: value for key, value in asked.items() if value is not None}
    tree = YamlValue({"data": {"bands": bands}, "synthetic": asked}, {}, "generate")
    jobs = generate_jobs(resolve_config(validate(Config, tree), store), store)
    for job in jobs:
        check_generation(job.work, store)
    artifacts, ledger, cluster = Artifacts(out), Ledger(out), cluster or ClusterOptions()
    missing = [job for job in jobs if not artifacts.is_finished(job.id)]
    on_event = on_event or default_view()
    on_event(Resumed(finished=len(jobs) - len(missing), total=len(jobs), noun="generator"))
    outcome = Summary(finished=0, failed=0, interrupted=False)
    if missing:
        with workers_begun(cluster.address):
            from raysat.execution.run import generate as run

            outcome = run(missing, store, ledger, artifacts, cluster, on_event)
    return Generators(store=store, jobs=jobs, artifacts=artifacts, ledger=ledger, outcome=outcome)
