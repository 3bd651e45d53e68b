"""Which jobs are tried again after their worker ended without a result, and which are given up.

A node that is lost, or unfit, is no fault of its job's: the job goes on from its last checkpoint as often as it gets
anywhere in between. A worker that ends by itself, killed or by an error that nobody expected, may do so as often as was
asked for.
"""

from __future__ import annotations

from typing import Final

from raysat.execution.messages import Message, StateSaved, TrialDone
from raysat.execution.scheduling.deaths import Death

MOST_LOSSES: Final = 5  # of its node in a row, without a checkpoint of an epoch that had none before


class Retries:
    """Counts, by job, how its workers ended."""

    def __init__(self, allowed: int = 0) -> None:
        """Begin to count; ``allowed`` is how often a job whose worker ended by itself is tried again."""
        self._allowed = allowed
        self._deaths: dict[str, list[Death]] = {}
        self._losses: dict[str, int] = {}  # in a row
        self._reached: dict[str, int] = {}  # epochs that were saved

    def note(self, message: Message) -> None:
        """Take down what a worker reports: a job that gets on may lose its node again."""
        if isinstance(message, StateSaved):
            if message.epoch <= self._reached.get(message.job, 0):
                return
            self._reached[message.job] = message.epoch
        if isinstance(message, StateSaved | TrialDone):
            self._losses.pop(message.job, None)

    def again(self, job: str, death: Death) -> bool:
        """Take down a death; whether the job is tried again."""
        deaths = self._deaths.setdefault(job, [])
        deaths.append(death)
        if death.is_the_nodes:
            self._losses[job] = self._losses.get(job, 0) + 1
            return self._losses[job] < MOST_LOSSES
        return sum(not each.is_the_nodes for each in deaths) <= self._allowed

    def deaths(self, job: str) -> tuple[Death, ...]:
        """All of a job's, the last one at the end."""
        return tuple(self._deaths.get(job, ()))
