"""What trains now, as the heartbeat of a run says, and the way that each trial came as far as this board saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from raysat.board.models import RunningView
from raysat.formatting import elide_line
from raysat.storage.heartbeat import RunningJob

_LONGEST: Final = 200  # characters of a name
_POINTS: Final = 500  # of a trail: of longer ones every other point is left out


class Running:
    """Keeps the points that running trials were seen at."""

    def __init__(self) -> None:
        """Have seen nothing yet."""
        self._trails: dict[str, list[tuple[int, float, float]]] = {}
        self.views: tuple[RunningView, ...] = ()

    def look(
        self, jobs: Sequence[RunningJob], cells: Mapping[str, tuple[int, ...]], hosts: Mapping[str, str]
    ) -> tuple[RunningView, ...]:
        """Take down where jobs are now.

        Args:
            jobs: that train.
            cells: of trials, by id.
            hosts: that jobs are known to be on.

        Returns:
            What to send of them: of each trail the last point.
        """
        self._trails = {job.job: self._trail(job) for job in jobs}
        shown = [
            RunningView(
                cell=cells.get(job.job, (None,))[0],
                name=elide_line(job.name, _LONGEST),
                seed=job.seed,
                epoch=job.epoch,
                epochs=job.epochs,
                host=hosts.get(job.job),
                trail=tuple(self._trails[job.job]),
            )
            for job in jobs
        ]
        self.views = tuple(shown)
        return tuple(view.model_copy(update={"trail": view.trail[-1:]}) for view in shown)

    def _trail(self, job: RunningJob) -> list[tuple[int, float, float]]:
        trail = self._trails.get(job.job, [])
        if trail and trail[-1][0] > job.epoch:
            trail = []  # it began again
        if job.balanced_accuracy is None or job.icv is None or (trail and trail[-1][0] == job.epoch):
            return trail
        if len(trail) >= _POINTS:
            trail = trail[::2]
        return [*trail, (job.epoch, round(job.balanced_accuracy, 5), round(job.icv, 5))]
