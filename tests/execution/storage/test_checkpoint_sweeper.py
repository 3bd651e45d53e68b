"""Checkpoints go as the jobs end that could use them: those of shared epochs with the last job that passes them."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import DiskError
from raysat.execution.storage.checkpoint_sweeper import CheckpointSweeper
from raysat.planning.jobs import PlannedTrial
from raysat.planning.stages import train_jobs
from raysat.storage.checkpoints import Checkpoints
from tests.helpers.stages import way

LONG = way("long", 6)


def named(trial: PlannedTrial) -> PlannedTrial:
    """The same trial, its states called as checkpoints are."""
    return replace(trial, states=tuple(hashlib.sha256(state.encode()).hexdigest()[:16] for state in trial.states))


JOBS = train_jobs([*map(named, (way("short", 3, LONG.states[:3]), LONG, way("other", 4)))])


@dataclass
class Clock:
    """Each look at it costs a second."""

    now: float = 0.0
    costs: float = 0.0

    def __call__(self) -> float:
        self.now += self.costs
        return self.now


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return filled(tmp_path)


def filled(run: Path) -> Checkpoints:
    """A checkpoint of every state of every job, and one of nobody's."""
    found = Checkpoints(run)
    for state in {state for job in JOBS for state in job.states} | {"f" * 16}:
        found.write(state, b"")
    return found


@given(order=st.permutations(JOBS))
def test_what_stays_is_what_unfinished_jobs_can_use(tmp_path_factory: pytest.TempPathFactory, order: list) -> None:
    checkpoints = filled(tmp_path_factory.mktemp("run"))
    sweeper = CheckpointSweeper(checkpoints, JOBS, clock=Clock())
    for done in range(len(order) + 1):
        left = order[done:]
        assert set(checkpoints.names()) == {state for job in left for state in job.states}
        if left:
            sweeper.job_done(left[0])
            sweeper.job_done(left[0])  # as may be said twice
    assert not checkpoints.root.exists()


def test_a_sweep_that_takes_long_is_followed_by_a_pause(checkpoints: Checkpoints) -> None:
    clock = Clock(costs=1.0)
    sweeper = CheckpointSweeper(checkpoints, JOBS, clock=clock)
    before = set(checkpoints.names())
    sweeper.job_done(JOBS[0])
    assert set(checkpoints.names()) == before
    clock.now += 20
    sweeper.job_done(JOBS[1])
    assert set(checkpoints.names()) == {*JOBS[2].states}
    sweeper.job_done(JOBS[2])
    assert set(checkpoints.names()) == {*JOBS[2].states}
    sweeper.sweep()
    assert not set(checkpoints.names())


def test_storage_that_does_not_answer_is_swept_after_a_later_job(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(keep: object) -> None:
        raise DiskError("cannot list the run's checkpoints")

    sweeper = CheckpointSweeper(checkpoints, JOBS, clock=Clock())
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "sweep", unreachable)
        sweeper.job_done(JOBS[0])
        with pytest.raises(DiskError):  # at the end of a run it is said
            sweeper.sweep()
    assert set(checkpoints.names()) == {state for job in JOBS for state in job.states}
    sweeper.job_done(JOBS[1])
    assert set(checkpoints.names()) == {state for job in JOBS[2:] for state in job.states}
