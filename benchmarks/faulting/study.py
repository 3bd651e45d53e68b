"""The studies that faults disturb: small, with epochs that trials share, and patches without much to learn.

What a run must train is known from its plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.faulting.schedule import Study
from raysat.data.store import PatchStore, Split, StoreWriter
from raysat.planning.build import make_plan
from raysat.study.load import load_study

_BASE: Final = "base: {model: {name: test_resnet}, optim: {epochs: 8, batch_size: 4}}\nseeds: 1\n"
_STUDIES: Final = {
    Study.STAGES: f"""\
study: stages
{_BASE}arms:
  plain: {{}}
  swa: {{average: {{kind: swa}}}}
  drw: {{reweight: {{kind: drw, switch: 0.5}}}}
  half: {{optim.epochs: 4}}
  ldam: {{loss: {{kind: ldam}}}}
""",
    Study.GENERATOR: f"""\
study: generator
{_BASE}arms:
  plain: {{}}
  gan: {{synthetic: {{kind: dcgan, steps: 24, width: 4, batch_size: 8}}, optim.epochs: 5}}
""",
}
_COUNTS: Final = (36, 18, 12)  # training patches of each class


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a study must train."""

    images: Mapping[str, int]  # of each epoch, by the state that it leads to
    trials: Mapping[str, frozenset[str]]  # the states that each trial passes
    generated: int  # images of its generators

    @property
    def needed(self) -> int:
        """Images that an undisturbed run trains on."""
        return sum(self.images.values()) + self.generated

    @property
    def per_epoch(self) -> int:
        """Images of an epoch, the longest if they differ."""
        return max(self.images.values())


def write_study(study: Study, folder: Path) -> Path:
    """Write a study's file into a folder."""
    file = folder / f"{study}.yaml"
    file.write_text(_STUDIES[study], encoding="utf-8")
    return file


def write_store(path: Path) -> PatchStore:
    """Make the store that all are trained on: three classes that one band tells apart badly."""
    rng = np.random.default_rng(18)
    with StoreWriter(
        path, bands=("B2", "B5", "B6"), classes=("a", "b", "c"), sensor="landsat8", source={"kind": "drawn"}
    ) as writer:
        for label, count in enumerate(_COUNTS):
            shares: dict[Split, int] = {"train": count, "val": 10, "test": 10}
            for split, share in shares.items():
                for _ in range(share):
                    patch = rng.integers(0, 160, (3, 32, 32))
                    patch[1] += 6 * label
                    writer.add(patch.astype(np.uint8), label, split)
        return writer.close()


def work_of(space: Path, store: PatchStore) -> Work:
    """What a study must train on a store."""
    plan = make_plan(load_study(space), store)
    images = {state: trial.samples_seen // trial.epochs for trial in plan.trials for state in trial.states[1:]}
    return Work(
        images=images,
        trials={trial.id: frozenset(trial.states[1:]) for trial in plan.trials},
        generated=sum(job.samples_seen for job in plan.generate_jobs),
    )
