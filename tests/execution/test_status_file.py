"""A run keeps its progress file up to date, not more often than every two seconds."""

import math
from pathlib import Path

from raysat.execution.messages import EpochDone, JobDone, Score
from raysat.execution.run_state import RunState
from raysat.execution.status_file import StatusFile
from raysat.planning.stages import train_jobs
from raysat.storage.heartbeat import read_status
from tests.execution.test_run_state import Clock
from tests.helpers.stages import way


def test_it_is_written_at_both_ends_and_now_and_then(tmp_path: Path) -> None:
    file, clock = tmp_path / "progress.json", Clock()
    state = RunState(train_jobs([way("a", 4), way("b", 4)]), already_done=1, clock=clock)

    def running() -> list[tuple[str, int, int]]:
        status = read_status(file)
        assert status is not None
        assert (status.already_done, status.total) == (1, 3)
        return [(row.job, row.epoch, row.epochs) for row in status.running]

    with StatusFile(state, file):
        assert running() == []
        state.receive(EpochDone(job="a", epoch=1))
        assert running() == []
        clock.now += 2
        state.tick()
        assert running() == [("a", 1, 4)]
        state.receive(JobDone(job="a"))
    assert running() == []
    status = read_status(file)
    assert status is not None
    assert (status.done, status.failed) == (1, 0)


def test_it_says_how_good_models_are_while_they_train(tmp_path: Path) -> None:
    file, clock = tmp_path / "progress.json", Clock()
    state = RunState(train_jobs([way("a", 4), way("b", 4), way("c", 4)]), clock=clock)
    with StatusFile(state, file):
        state.receive(EpochDone(job="a", epoch=1))
        state.receive(EpochDone(job="b", epoch=1, score=Score(balanced_accuracy=0.5, icv=0.25)))
        state.receive(EpochDone(job="c", epoch=1, score=Score(balanced_accuracy=math.nan, icv=math.inf)))
    status = read_status(file)
    assert status is not None
    scores = {row.job: (row.balanced_accuracy, row.icv) for row in status.running}
    assert scores == {"a": (None, None), "b": (0.5, 0.25), "c": (None, None)}
