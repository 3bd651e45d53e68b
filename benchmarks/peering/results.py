"""What a peer says of each trial, as a file, and what its process took."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One trained trial."""

    arm: str
    seed: int
    losses: list[float]  # the mean of each epoch's batches
    balanced_accuracy: float  # on test


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run of a peer over the whole study."""

    seconds: float  # from Enter to the end of the process
    megabytes: float  # at the peak, of all its processes; shared pages are counted once
    trials: dict[tuple[str, int], Trained] = field(default_factory=dict)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over trials."""
        return sum(trial.balanced_accuracy for trial in self.trials.values()) / len(self.trials)


def write(path: Path, trained: list[Trained]) -> None:
    path.write_text(json.dumps([asdict(each) for each in trained]), encoding="utf-8")


def read(path: Path) -> dict[tuple[str, int], Trained]:
    found = [Trained(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    return {(each.arm, each.seed): each for each in found}
