"""Asynchronous successive halving by epoch, over all runs of a search; the base trains to its end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from typing_extensions import override

from raysat.search.log import Candidate
from raysat.search.options import Asha


class Halving(AsyncHyperBandScheduler):  # type: ignore[misc]  # ray ships no types
    """Ray Tune's ASHA on balanced accuracy; it stops jobs that are ``stoppable``, and knows which trials it stopped."""

    def __init__(self, options: Asha, epochs: int) -> None:
        super().__init__(
            time_attr="epoch",
            metric="balanced_accuracy",
            mode="max",
            max_t=epochs,
            grace_period=min(options.grace_epochs(epochs), epochs),
            reduction_factor=options.reduction_factor,
        )
        self._epochs = epochs
        self.stopped: set[str] = set()

    @override
    def on_trial_add(self, controller: Any, trial: Any) -> None:
        super().on_trial_add(controller, _named(trial))

    @override
    def on_trial_complete(self, controller: Any, trial: Any, result: dict[str, Any]) -> None:
        super().on_trial_complete(controller, _named(trial), result)

    @override
    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        super().on_trial_remove(controller, _named(trial))

    def remember(self, candidate: Candidate) -> None:
        """Take an earlier candidate's epochs as ones to compare with."""
        trial = SimpleNamespace(trial_id=f"earlier-{candidate.number}")
        super().on_trial_add(None, trial)
        for epoch, score in enumerate(candidate.curve, start=1):
            self._judge(None, trial, {"epoch": epoch, "balanced_accuracy": score})

    @override
    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop a trial that lags behind."""
        decision = self._judge(controller, _named(trial), result)
        if decision == TrialScheduler.STOP and trial.config["job"].stoppable:
            self.stopped.add(trial.trial_id)
            return decision
        return str(TrialScheduler.CONTINUE)

    def _judge(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        # The last epoch is no place to stop: the final weights are still to be read out.
        last = result.get("epoch", 0) >= self._epochs
        return str(TrialScheduler.CONTINUE if last else super().on_trial_result(controller, trial, result))


def _named(trial: Any) -> SimpleNamespace:
    """All that Ray's scheduler asks of a trial: a name, here of its job, which is compared once however often tried."""
    return SimpleNamespace(trial_id=trial.config["job"].id)
