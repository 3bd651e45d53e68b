"""Where a command's seconds went, by events and a clock that the tests move."""

from dataclasses import dataclass

import pytest

from raysat.execution.events import Ended, Progress, Resumed, Started
from raysat.execution.messages import EpochDone, JobDone
from raysat.execution.run_state import RunState
from raysat.execution.timings import Phase, Timings
from raysat.planning.stages import train_jobs
from raysat.training.stopwatch import Part
from tests.helpers.stages import way


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_phases_follow_each_other_and_jobs_count_while_they_run() -> None:
    clock = Clock()
    a, b = train_jobs([way("a", 2), way("b", 2)])
    timings, state = Timings(99.0, clock), RunState([a, b], clock=clock)
    timings(Resumed(finished=0, total=2, noun="trial"))
    clock.now = 103.0
    timings(Started(state=state, slots=1, most=2, workers=1, cpus=1.0, gpus=0.0, validation_split="val"))
    state.subscribers.append(lambda row: timings(Progress(row=row)))
    state.start(a)
    clock.now = 105.0
    state.start(b)
    clock.now = 110.0
    state.receive(EpochDone(job="b", epoch=1, from_checkpoint=True, seconds=50.0))
    state.receive(EpochDone(job="b", epoch=2, seconds=2.0))
    state.receive(JobDone(job="b", seconds={Part.STEPS: 3.0, Part.VALIDATION: 1.0}))
    clock.now = 115.0
    state.receive(EpochDone(job="a", epoch=2, seconds=9.0))  # began before the one that is heard of first
    state.receive(JobDone(job="a", seconds={Part.STEPS: 2.0}))
    clock.now = 116.0
    timings(Ended())
    clock.now = 117.5
    spent = timings.spent()
    assert list(spent.phases.items()) == [
        (Phase.PLAN, 1.0), (Phase.START, 3.0), (Phase.FIRST_STEP, 3.0), (Phase.JOBS, 10.0), (Phase.END, 1.5),
    ]  # fmt: skip
    assert spent.jobs == pytest.approx(12 + 5)
    assert {part: seconds for part, seconds in spent.parts.items() if seconds} == {Part.STEPS: 5.0, Part.VALIDATION: 1}


def test_where_there_was_nothing_to_do_there_are_two_phases() -> None:
    clock = Clock()
    timings = Timings(99.5, clock)
    timings(Resumed(finished=2, total=2, noun="trial"))
    clock.now = 101.0
    assert timings.spent().phases == {Phase.PLAN: 0.5, Phase.END: 1.0}
    assert timings.spent().jobs == 0


def test_jobs_that_all_failed_have_no_first_step() -> None:
    clock = Clock()
    timings, state = Timings(100.0, clock), RunState(clock=clock)
    timings(Resumed(finished=0, total=1, noun="trial"))
    timings(Started(state=state, slots=2, most=2, workers=1, cpus=1.0, gpus=0.0, validation_split="val"))
    clock.now = 107.0
    timings(Ended())
    assert timings.spent().phases[Phase.JOBS] == 7.0
    assert Phase.FIRST_STEP not in timings.spent().phases
    assert not any(timings.spent().parts.values())
