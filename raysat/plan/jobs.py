"""The jobs of a plan: train a trial, or generate synthetic patches of a class; what each is called and needs.

A job's id is the hash of all that decides its result: the configuration with its bands and classes resolved, the
seed, the store's fingerprint and the numerics version. Equal work is therefore one job, whichever arms or studies ask
for it. Training needs the generate jobs of its synthetic patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, assert_never

import numpy as np
import numpy.typing as npt

from raysat.config.families.images import Dcgan, NoSynthetic
from raysat.config.milestones import steps_per_epoch
from raysat.config.schema import Config, Data, Generation, Trial, digest
from raysat.data.bands import Bands, resolve
from raysat.data.store import PatchStore
from raysat.errors import PlanError, prefixed, suggest
from raysat.plan.state_ids import counted, state_ids

# Raise whenever a change of the code alters the numbers that a configuration gives: old records are then not reused.
NUMERICS_VERSION: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateJob:
    """One generator to train, and patches to make with it."""

    id: str
    class_name: str
    work: Generation
    needs: ClassVar[tuple[str, ...]] = ()
    seed: ClassVar[None] = None  # trials alone have one
    start_epoch: ClassVar[int] = 0

    @property
    def name(self) -> str:
        """How the job reads in a table."""
        return f"generate {self.class_name}"

    @property
    def epochs(self) -> int:
        """How long it trains: in steps."""
        return self.work.gan.steps

    @property
    def samples_seen(self) -> int:
        """Real patches that pass through the discriminator in training."""
        return self.epochs * self.work.gan.batch_size

    @property
    def makes(self) -> tuple[str, ...]:
        """What train jobs may need of it: its patches."""
        return (self.id,)

    @property
    def items(self) -> tuple[GenerateJob]:
        """What has a record of its own."""
        return (self,)

    def __str__(self) -> str:
        return self.id  # Ray Tune names its folders by it


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTrial:
    """One trial to train, bound to its data: a leaf of the stage tree."""

    id: str
    arm: str  # the first arm that asks for it
    trial: Trial
    samples_seen: int  # images that pass through the model in training, augmented views included
    states: tuple[str, ...]  # names of what it passes through after 0, 1 ... all epochs (``state_ids.py``)
    needs: tuple[str, ...] = ()  # generate jobs

    @property
    def epochs(self) -> int:
        """How long it trains."""
        return self.trial.config.optim.epochs

    @property
    def seed(self) -> int:
        """The seed of all that is random in it."""
        return self.trial.seed

    @property
    def name(self) -> str:
        """How the job reads in a table."""
        return self.arm


WorkItem = GenerateJob | PlannedTrial  # what has a record of its own


def plan_trial(trial: Trial, store: PatchStore, *, arm: str, workers: int = 1, share: bool = True) -> PlannedTrial:
    """Bind a trial of a ``resolved`` configuration to its store.

    Data-parallel ``workers`` are part of the id where there are several: batch norm then sees smaller batches. Without
    ``share`` it has no state in common with another trial.
    """
    config = trial.config
    generate = generate_jobs(config, store)
    patches = len(store.indices("train")) + sum(job.work.patches for job in generate)
    spec = trial.model_dump(mode="json")
    spec["config"]["synthetic"] = [job.id for job in generate]  # however they were asked for
    spec["config"] |= counted(config)
    where: dict[str, Any] = {"data": store.fingerprint, "numerics": NUMERICS_VERSION}
    where |= {"workers": workers} if workers > 1 else {}
    id_ = digest({"trial": spec, **where})
    needs = tuple(job.id for job in generate)
    return PlannedTrial(
        id=id_,
        arm=arm,
        trial=trial,
        samples_seen=config.optim.epochs * patches * config.augment.forward_passes,
        states=state_ids(
            trial,
            generated=needs,
            steps=steps_per_epoch(patches, config.optim.batch_size),
            also=where if share else where | {"alone": id_},
        ),
        needs=needs,
    )


def resolve_config(config: Config, store: PatchStore) -> Config:
    """Name bands and classes, so that ``agriculture`` and ``[6, 5, 2]`` are the same work where they mean the same.

    A learning rate that the schedule replaces by its own is left at its default: two of them are the same work too.

    Raises:
        BandError: bands that the store does not have.
        PlanError: synthetic patches of a class that is not there or needs none, or in other bands than the trial's.
    """
    data = config.data
    bands = _bands("data.bands", data.bands, store)
    if data.drop:
        bands = _bands("data.drop", data.bands, store, drop=data.drop)
    synthetic = config.synthetic
    if isinstance(synthetic, Dcgan):
        _same_bands(synthetic, bands, store)
        names = tuple(store.classes[label] for label in _labels(synthetic, store))
        synthetic = synthetic.model_copy(update={"bands": None, "classes": names})
    optim = config.optim
    if config.schedule.sets_own_lr:
        optim = optim.model_copy(update={"lr": type(optim).model_fields["lr"].default})
    return config.model_copy(update={"data": Data(bands=bands), "synthetic": synthetic, "optim": optim})


def generate_jobs(config: Config, store: PatchStore) -> tuple[GenerateJob, ...]:
    """The generators that a ``resolved`` configuration asks for, one a class, in class order. Raises PlanError."""
    match config.synthetic:
        case NoSynthetic():
            return ()
        case Dcgan() as gan:
            bands = tuple(str(band) for band in config.data.bands)
            return tuple(_generate_job(gan, label, bands, store) for label in _labels(gan, store))
        case _:
            assert_never(config.synthetic)


def _generate_job(gan: Dcgan, label: int, bands: tuple[str, ...], store: PatchStore) -> GenerateJob:
    counts = store.counts("train")
    patches = int(counts.max() - counts[label]) if gan.patches is None else gan.patches
    name = store.classes[label]
    if patches < 1:
        raise PlanError(
            f"synthetic.classes: class {name!r} is the largest, so equalise has nothing to make of it",
            hint="leave it out, or say how many with equalise: false, patches: 500",
        )
    # What says how its patches are asked for and used is no matter of the generator.
    plain = gan.model_copy(
        update={"classes": "minority", "bands": None, "equalise": True, "patches": None, "class_counts": "all"}
    )
    work = Generation(label=label, bands=bands, patches=patches, gan=plain)
    spec = work.model_dump(mode="json", exclude={"gan": {"class_counts"}})
    id_ = digest({"generate": spec, "data": store.fingerprint, "numerics": NUMERICS_VERSION})
    return GenerateJob(id=id_, class_name=name, work=work)


def _labels(gan: Dcgan, store: PatchStore) -> list[int]:
    """Labels of the classes asked for, ascending."""
    counts = store.counts("train")
    if gan.classes == "minority":
        rare: npt.NDArray[np.int64] = np.flatnonzero(counts < counts.max())
        if not len(rare):
            raise PlanError(
                f"synthetic.classes: {store.path} has no minority class, all have {counts.max()} training patches",
                hint="name the classes",
            )
        return [int(label) for label in rare]
    labels = {_label(name, store) for name in gan.classes}
    if len(labels) < len(gan.classes):
        raise PlanError(f"synthetic.classes names a class twice: {list(gan.classes)}", hint="name each class once")
    return sorted(labels)


def _label(name: int | str, store: PatchStore) -> int:
    label = int(name) if isinstance(name, int) or name.isdecimal() else -1
    named = store.classes.index(str(name)) if str(name) in store.classes else -1
    if isinstance(name, str) and named >= 0:
        return named
    if 0 <= label < len(store.classes) and named in (-1, label):
        return label
    if named >= 0:
        raise PlanError(
            f"synthetic.classes: {name} could be the label {label} or the class named '{name}', which is {named}",
            hint=f"write '{name}' in quotes for the name",
        )
    known = ", ".join(f"{label} {each}" for label, each in enumerate(store.classes))
    raise PlanError(
        f"synthetic.classes: {store.path} has no class {name!r}",
        hint=suggest(name, store.classes, f"its classes are {known}"),
    )


def _bands(key: str, bands: Bands, store: PatchStore, *, drop: Sequence[int | str] = ()) -> tuple[str, ...]:
    """Resolve bands against a store; an error names the key that asked for them."""
    with prefixed(key):
        return resolve(bands, available=store.bands, sensor=store.sensor, drop=drop)


def _same_bands(gan: Dcgan, bands: tuple[str, ...], store: PatchStore) -> None:
    if gan.bands is None:
        return
    theirs = _bands("synthetic.bands", gan.bands, store)
    if theirs != bands:
        raise PlanError(
            f"synthetic.bands are {'-'.join(theirs)}, but the trial trains on {'-'.join(bands)}",
            hint="leave synthetic.bands out: the generator then makes the bands of the trial",
        )
