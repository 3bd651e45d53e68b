"""What is known of a run, as its workers report: rows, counts and the time left, by a clock that tests move."""

from dataclasses import dataclass

import pytest

from raysat.config.families.synthetic import Dcgan
from raysat.config.schema import Generation
from raysat.execution.messages import EpochDone, JobDone, JobFailed, Score, State, StepsTimed, StorageFailed, TrialDone
from raysat.execution.row import Row
from raysat.execution.run_state import RunState
from raysat.planning.jobs import GenerateJob
from raysat.planning.stages import Job, TrainJob, train_jobs
from tests.helpers.stages import way

SCORE = Score(balanced_accuracy=0.5, icv=0.1)


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def jobs() -> tuple[TrainJob, TrainJob]:
    """A job of 6 epochs on which two trials end, and one of 4 epochs beside it; 10 images an epoch."""
    long = way("long", 6)
    first, second = train_jobs([way("short", 3, long.states[:4]), long, way("other", 4)])
    return first, second


def generator(name: str) -> GenerateJob:
    work = Generation(label=0, bands=("B1",), patches=1, generator=Dcgan(steps=8, batch_size=4))
    return GenerateJob(id=name, class_name=name, work=work)


def shown(state: RunState) -> dict[str, tuple[str, int]]:
    return {name: (row.state.value, row.epoch) for name, row in state.rows.items()}


def test_a_job_shows_as_the_trial_that_ends_next() -> None:
    long, other = jobs()
    state = RunState([long, other], already_done=2)
    assert (state.total, state.ended) == (5, 2)
    state.start(long)
    assert shown(state) == {"short": ("starting", 0)}
    state.receive(EpochDone(job="long", epoch=2, score=SCORE))
    assert shown(state) == {"short": ("training", 2)}
    state.receive(TrialDone(job="long", trial="short", score=SCORE))
    state.receive(EpochDone(job="long", epoch=4))
    assert shown(state) == {"short": ("done", 3), "long": ("training", 4)}
    state.receive(JobDone(job="long", score=SCORE))
    state.end(long)
    assert shown(state) == {"short": ("done", 3), "long": ("done", 6)}
    assert (state.count(State.DONE), state.ended) == (2, 4)


def test_what_comes_in_a_later_run_counts_in_the_total_and_the_time_left() -> None:
    long, other = jobs()
    clock = Clock()
    alone, followed = RunState([long], clock=clock), RunState([long], later=[other], already_done=1, clock=clock)
    assert (alone.total, followed.total, followed.ended) == (2, 4, 1)
    for state in (alone, followed):
        state.start(long)
        state.receive(StepsTimed(job="long", images_per_s=10.0))
    assert alone.seconds_left() == pytest.approx(long.samples_seen / 10)
    assert followed.seconds_left() == pytest.approx((long.samples_seen + other.samples_seen) / 10)
    assert not set(followed.rows) & {item.id for item in other.items}


def test_a_generator_is_one_row_by_steps() -> None:
    job = generator("rare")
    state = RunState([job])
    state.start(job)
    state.receive(EpochDone(job="rare", epoch=5))
    assert shown(state) == {"rare": ("training", 5)}
    state.receive(JobDone(job="rare"))
    assert shown(state) == {"rare": ("done", 8)}


@pytest.mark.parametrize("how", ["died", "diverged"])
def test_a_job_that_fails_takes_what_is_not_done_with_it(how: str) -> None:
    long, other = jobs()
    state = RunState([long, other])
    state.receive(TrialDone(job="long", trial="short", score=SCORE))
    if how == "died":
        state.fail(long)
    else:
        state.receive(JobFailed(job="long"))
    state.fail(other)  # its need failed, say
    state.end(long)
    assert {name: row.state for name, row in state.rows.items()} == {
        "short": State.DONE,
        "long": State.FAILED,
        "other": State.FAILED,
    }


def test_a_retry_after_a_death_begins_with_what_is_not_done() -> None:
    """The report of 'short' was lost with its worker; the next one finds its record, and says so."""
    long, _ = jobs()
    heard: list[tuple[str, str]] = []
    state = RunState([long])
    state.subscribers.append(lambda row: heard.append((row.item.id, row.state)) if row else None)
    state.receive(EpochDone(job="long", epoch=3))
    state.start(long)
    state.receive(EpochDone(job="long", epoch=3, from_checkpoint=True))
    for _ in range(2):  # even if it is said twice
        state.receive(TrialDone(job="long", trial="short"))
    state.receive(EpochDone(job="long", epoch=4))
    assert shown(state) == {"short": ("done", 3), "long": ("training", 4)}
    assert heard == [
        ("short", "training"),
        ("short", "starting"),
        ("short", "training"),
        ("short", "done"),
        ("long", "training"),
    ]
    assert state.rows["short"].score is None  # what the last epoch had is not what the final model has


def test_a_checkpoint_deeper_than_a_trial_that_is_not_read_out_shows_as_the_next() -> None:
    long, _ = jobs()
    state = RunState([long])
    state.receive(EpochDone(job="long", epoch=5, from_checkpoint=True))
    assert shown(state) == {"long": ("training", 5)}


def test_what_is_still_training_when_its_job_ends_was_stopped() -> None:
    _, other = jobs()
    state = RunState([other])
    state.receive(EpochDone(job="other", epoch=2, score=SCORE))
    state.receive(StorageFailed(job="other", error="disk full", hint=None))
    state.end(other)
    assert shown(state) == {"other": ("stopped", 2)}
    assert (state.count(State.FAILED), state.ended) == (0, 1)


def test_the_time_left_counts_what_is_trained_now_and_what_is_still_to_come() -> None:
    long, other = jobs()
    clock = Clock()
    state = RunState([long, other], clock=clock)
    assert state.seconds_left() is None
    state.receive(EpochDone(job="long", epoch=4, from_checkpoint=True))  # no rate in it
    clock.now += 5
    assert state.seconds_left() is None
    state.receive(EpochDone(job="long", epoch=5))  # 10 images in 5 s; 10 of this job and 40 of the other are left
    assert state.seconds_left() == pytest.approx(25)
    state.fail(other)
    assert state.seconds_left() == pytest.approx(5)
    state.receive(JobDone(job="long"))
    assert state.seconds_left() == 0


def test_the_first_steps_tell_how_long_it_will_take_until_an_epoch_does() -> None:
    long, other = jobs()
    clock = Clock()
    state = RunState([long, other], clock=clock)
    state.start(long)
    state.start(other)
    state.receive(StepsTimed(job="long", images_per_s=2.0))
    assert state.seconds_left() == pytest.approx(100 / 2)  # images of both jobs
    state.receive(StepsTimed(job="other", images_per_s=6.0))
    assert state.seconds_left() == pytest.approx(100 / 8)
    clock.now += 5
    state.receive(EpochDone(job="long", epoch=1))
    assert state.seconds_left() == pytest.approx(90 / 8)  # nothing was timed since then
    state.receive(EpochDone(job="other", epoch=1))
    clock.now += 10
    state.receive(EpochDone(job="long", epoch=2))  # 20 images since the first word of an epoch, in 10 s
    assert state.seconds_left() == pytest.approx(70 * 10 / 20)


def test_a_search_learns_of_its_jobs_as_they_come() -> None:
    candidates: list[Job] = [*train_jobs([way("a", 2), way("b", 2), way("c", 2)])]
    clock = Clock()
    bounded = RunState(already_done=1, expected=3, eta_per_item=True, clock=clock)
    unbounded = RunState(already_done=1, eta_per_item=True, clock=clock)
    for job in candidates[:2]:
        for state in (bounded, unbounded):
            state.add(job)
            state.start(job)
    assert (bounded.total, unbounded.total) == (4, 3)
    clock.now += 10
    assert bounded.seconds_left() is None
    for state in (bounded, unbounded):
        state.receive(JobDone(job="a", score=SCORE))
    assert bounded.seconds_left() == pytest.approx(20)  # one took 10 s, two are left
    assert unbounded.seconds_left() is None


def test_subscribers_hear_of_rows_and_of_time() -> None:
    _, other = jobs()
    heard: list[Row | None] = []
    state = RunState([other])
    state.subscribers.append(heard.append)
    state.start(other)
    state.tick()
    assert heard == [state.rows["other"], None]
    state.receive(EpochDone(job="other", epoch=1))
    assert heard[2:] == [state.rows["other"]]


def test_a_job_that_is_handed_back_waits_and_is_counted() -> None:
    long, other = jobs()
    state = RunState([long, other])
    state.start(long)
    state.start(other)
    assert state.running == 2
    state.receive(TrialDone(job="long", trial="short", score=SCORE))
    state.receive(EpochDone(job="long", epoch=4))
    state.hand_back(long, lost_node="10.0.0.1", reason="its node was lost")
    assert shown(state)["long"] == ("waiting", 4)
    assert (state.running, state.count(State.FAILED)) == (1, 0)
    state.start(long)
    state.hand_back(other, lost_node=None, reason="it died")
    assert state.running == 1
    assert (dict(state.lost_nodes), state.retries) == ({"10.0.0.1": 1}, 1)
