"""Hands the plan's jobs to Ray Tune, in the plan's order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from raysat.plan import Job


class PlanSearcher(Searcher):  # type: ignore[misc]  # ray ships no types
    """A Searcher that suggests each job once; it searches nothing, since the plan says what to train."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        super().__init__(metric="balanced_accuracy", mode="max")
        self._waiting = [{"job": job.id, "trial": job.trial.model_dump(mode="json")} for job in jobs]

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the next job, or FINISHED."""
        if self._waiting:
            return self._waiting.pop(0)
        finished: str = Searcher.FINISHED
        return finished

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing to learn from a result."""

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Accept Tune's settings: the plan needs none."""
        return True

    def save(self, checkpoint_path: str) -> None:
        """Save what is left to suggest; Tune asks for it with its snapshots."""
        Path(checkpoint_path).write_text(json.dumps(self._waiting), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Read what is left to suggest."""
        self._waiting = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
