"""The jobs of a plan: train a trial, or generate synthetic patches of a class; what each is called and needs.

A job's id is the hash of all that decides its result: the configuration with its bands and classes resolved, the
seed, the store's fingerprint and the numerics version. Equal work is therefore one job, whichever arms or studies ask
for it. Training needs the generate jobs of its synthetic patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, assert_never

from raysat.config.families.synthetic import Dcgan, Flow, NoSynthetic
from raysat.config.milestones import steps_per_epoch
from raysat.config.schema import Config, Generation, Trial, canonical_json, canonical_object, digest, digest_text
from raysat.config.stages import passes_by_epoch
from raysat.data.store import PatchStore
from raysat.errors import PlanError
from raysat.planning.state_ids import StateChain, counted, state_chain

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
        return self.work.generator.steps

    @property
    def samples_seen(self) -> int:
        """Real patches that are shown in training."""
        return self.epochs * self.work.generator.batch_size

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
    samples_seen: int  # images that pass through the model in training, augmented views and second passes included
    states: tuple[str, ...]  # names of what it passes through after 0, 1 ... all epochs (``state_ids.py``)
    needs: tuple[str, ...] = ()  # generate jobs

    @property
    def epochs(self) -> int:
        """How long it trains."""
        return self.trial.config.epochs

    def images_after(self, epoch: int) -> int:
        """Images that pass through the model in training after so many epochs, augmented views included."""
        passes = passes_by_epoch(self.trial.config)
        return self.samples_seen * sum(passes[epoch:]) // sum(passes)

    @property
    def seed(self) -> int:
        """The seed of all that is random in it."""
        return self.trial.seed

    @property
    def name(self) -> str:
        """How the job reads in a table."""
        return self.arm


WorkItem = GenerateJob | PlannedTrial  # what has a record of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundConfig:
    """A configuration bound to its store: what all its trials have in common, whatever their seed."""

    config: Config
    needs: tuple[str, ...]  # generate jobs
    samples_seen: int  # by each trial
    spec: str  # what names it, however its patches were asked for, as canonical JSON
    where: Mapping[str, str]  # what else decides its numbers, the same by key: the store, the numerics version, workers
    states: StateChain
    reuse_epochs: bool

    def trial(self, seed: int, *, arm: str) -> PlannedTrial:
        """The trial of a seed; ``arm`` is the name that it is shown by."""
        seeded = canonical_object({"config": self.spec, "seed": canonical_json(seed)})
        id_ = digest_text(canonical_object({"trial": seeded, **self.where}))
        return PlannedTrial(
            id=id_,
            arm=arm,
            trial=Trial(config=self.config, seed=seed),
            samples_seen=self.samples_seen,
            states=self.states.ids(
                seed, self.where if self.reuse_epochs else {**self.where, "alone": canonical_json(id_)}
            ),
            needs=self.needs,
        )


def plan_trial(
    trial: Trial, store: PatchStore, *, arm: str, workers: int = 1, reuse_epochs: bool = True
) -> PlannedTrial:
    """Bind one trial to its store.

    Args:
        trial: its configuration is resolved (``resolve.py``).
        store: the real patches.
        arm: the name that it is shown by.
        workers: data-parallel.
        reuse_epochs: whether it may have states in common with other trials.

    Returns:
        The trial, and what it needs.
    """
    return bind(trial.config, store, workers=workers, reuse_epochs=reuse_epochs).trial(trial.seed, arm=arm)


def bind(config: Config, store: PatchStore, *, workers: int = 1, reuse_epochs: bool = True) -> BoundConfig:
    """Bind a configuration to its store.

    Args:
        config: resolved (``resolve.py``).
        store: the real patches.
        workers: data-parallel; several are part of the id, since batch norm then sees smaller batches.
        reuse_epochs: whether its trials may have states in common with others.

    Returns:
        What makes its trials.
    """
    generators = generate_jobs(config, store)
    needs = tuple(job.id for job in generators)
    patches = len(store.indices("train")) + sum(job.work.patches for job in generators)
    where = {"data": store.fingerprint, "numerics": NUMERICS_VERSION} | ({"workers": workers} if workers > 1 else {})
    return BoundConfig(
        config=config,
        needs=needs,
        samples_seen=patches * sum(passes_by_epoch(config)),
        spec=canonical_json(config.identity() | {"synthetic": list(needs), **counted(config)}),
        where={key: canonical_json(value) for key, value in where.items()},
        states=state_chain(config, generated=needs, steps=steps_per_epoch(patches, config.optim.batch_size)),
        reuse_epochs=reuse_epochs,
    )


def generate_jobs(config: Config, store: PatchStore) -> tuple[GenerateJob, ...]:
    """The generators that a resolved configuration asks for, one a class, in class order. Raises PlanError."""
    match config.synthetic:
        case NoSynthetic():
            return ()
        case Dcgan(classes=names) | Flow(classes=names) as generator:
            bands = tuple(str(band) for band in config.data.bands)
            return tuple(_generate_job(generator, store.classes.index(str(name)), bands, store) for name in names)
        case _:
            assert_never(config.synthetic)


def _generate_job(generator: Dcgan | Flow, label: int, bands: tuple[str, ...], store: PatchStore) -> GenerateJob:
    counts = store.counts("train")
    patches = int(counts.max() - counts[label]) if generator.patches is None else generator.patches
    name = store.classes[label]
    if patches < 1:
        raise PlanError(
            f"synthetic.classes: class {name!r} is the largest, so equalise has nothing to make of it",
            hint="leave it out, or say how many with equalise: false, patches: 500",
        )
    # What says how its patches are asked for and used is no matter of the generator.
    plain = generator.model_copy(
        update={"classes": "minority", "bands": None, "equalise": True, "patches": None, "class_counts": "all"}
    )
    work = Generation(label=label, bands=bands, patches=patches, generator=plain)
    spec = work.model_dump(mode="json", exclude={"generator"})
    spec["gan"] = plain.model_dump(mode="json", exclude={"class_counts"})  # its name in ids, whichever generator it is
    id_ = digest({"generate": spec, "data": store.fingerprint, "numerics": NUMERICS_VERSION})
    return GenerateJob(id=id_, class_name=name, work=work)
