"""From a study and a store to the jobs to run: a pure function, so any machine makes the same plan of the same input.

A job is one trial bound to its data. Its id is the hash of the configuration with its bands resolved, the
seed, the store's fingerprint and the numerics version; equal work is therefore one job, whichever arms ask for
it. Jobs are ordered seed by seed, so that a study that is stopped early has compared all arms on the seeds it finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from raysat.bands import resolve
from raysat.data.store import PatchStore
from raysat.errors import BandError, PlanError
from raysat.space import Study
from raysat.spec import AugMix, Config, Data, Trial, digest

# Raise whenever a change of the code alters the numbers that a configuration gives: old records are then not reused.
NUMERICS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One trial to train, bound to its data."""

    id: str
    arm: str  # the first arm that asks for it
    trial: Trial
    images: int  # images that pass through the model in training, augmented views included


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a study means on a store: its jobs in order, and which of them each arm reads."""

    study: Study
    data: str  # the name that the store was asked for by
    store: PatchStore
    jobs: tuple[Job, ...]
    cells: Mapping[str, Mapping[int, str]]  # arm -> seed -> job id

    @property
    def images(self) -> int:
        """Images that pass through models in training, over all jobs."""
        return sum(job.images for job in self.jobs)

    @property
    def trials(self) -> int:
        """Arms times seeds, before equal trials are merged."""
        return len(self.study.arms) * len(self.study.seeds)

    def to_json(self) -> dict[str, Any]:
        """Describe the plan for ``plan.json``, which is all that a report needs to know of a study."""
        return {
            "study": self.study.name,
            "reference": self.study.reference,
            "data": {"name": self.data, "path": str(self.store.path), "fingerprint": self.store.fingerprint},
            "classes": list(self.store.classes),
            "reported": self.store.reported_split,
            "arms": [
                {"name": arm, "trials": [{"seed": seed, "id": job} for seed, job in seeds.items()]}
                for arm, seeds in self.cells.items()
            ],
        }


def make_plan(study: Study, store: PatchStore, *, data: str = "", workers: int = 1) -> Plan:
    """Resolve a study against a store, known to the user as ``data`` (by default its path).

    Data-parallel ``workers`` are part of a job's id where there are several: batch norm then sees smaller batches.

    Raises:
        BandError: an arm asks for bands that the store does not have; names the arm.
        PlanError: the store has nothing to train on.
    """
    patches = len(store.indices("train"))
    if patches == 0:
        raise PlanError(f"{store.path} has no training patch")
    configs = {arm.name: _resolved(arm.config, store, arm.name) for arm in study.arms}
    jobs: dict[str, Job] = {}
    cells: dict[str, dict[int, str]] = {arm: {} for arm in configs}
    for seed in study.seeds:
        for arm, config in configs.items():
            trial = Trial(config=config, seed=seed)
            work = {"trial": trial.model_dump(mode="json"), "data": store.fingerprint, "numerics": NUMERICS}
            job_id = digest(work | ({"workers": workers} if workers > 1 else {}))
            images = config.optim.epochs * patches * views(config)
            jobs.setdefault(job_id, Job(id=job_id, arm=arm, trial=trial, images=images))
            cells[arm][seed] = job_id
    return Plan(study=study, data=data or str(store.path), store=store, jobs=tuple(jobs.values()), cells=cells)


def views(config: Config) -> int:
    """Images that pass through the model for each patch of a batch: AugMix trains on the patch and two mixes of it."""
    return 3 if isinstance(config.augment, AugMix) else 1


def _resolved(config: Config, store: PatchStore, arm: str) -> Config:
    """Name the bands, so that ``agriculture`` and ``[6, 5, 2]`` are the same work where they mean the same bands."""
    try:
        bands = resolve(config.data.bands, available=store.bands, sensor=store.sensor)
    except BandError as error:
        raise BandError(f"arm {arm!r}: data.bands: {error.message}", hint=error.hint) from None
    return config.model_copy(update={"data": Data(bands=bands)})
