"""What is saved beside a training, when and in which order; and what becomes of errors."""

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch

from raysat.config.spacing import Spacing
from raysat.errors import DivergedError, StorageError
from raysat.training.checkpoint import TrainingState
from raysat.training.checkpoint_writer import CheckpointWriter
from raysat.training.results import EpochReport
from tests.helpers.training import report_of_epoch


class Clock:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Disk:
    """Keeps the epochs that were saved; each takes some seconds of the clock, and may be held up."""

    def __init__(self, clock: Clock, seconds: float = 0.0) -> None:
        self.epochs: list[int] = []
        self.clock, self.seconds = clock, seconds
        self.goes = threading.Event()
        self.goes.set()

    def save(self, state: TrainingState) -> None:
        self.goes.wait(timeout=10)
        self.clock.now += self.seconds
        assert state.network["w"].tolist() == [state.epoch] * 3, "as it was when it was offered"
        self.epochs.append(state.epoch)

    def wait_for(self, *epochs: int) -> None:
        deadline = time.monotonic() + 10
        while self.epochs != list(epochs):
            assert time.monotonic() < deadline, self.epochs
            time.sleep(0.001)


class Run:
    """A training whose weights are its epoch."""

    def __init__(self) -> None:
        self.weights = torch.zeros(3)
        self.epoch = 0

    def advance(self) -> int:
        self.epoch += 1
        self.weights += 1
        return self.epoch

    def state(self) -> TrainingState:
        history: tuple[EpochReport, ...] = tuple(report_of_epoch(n + 1) for n in range(self.epoch))
        return TrainingState(
            epoch=self.epoch, samples_seen=0, network={"w": self.weights}, optimizer={}, averages={}, history=history
        )


def offers(writer: CheckpointWriter, run: Run, clock: Clock, *, seconds: float = 1.0) -> Callable[..., None]:
    def offer(**options: object) -> None:
        clock.now += seconds
        epoch = run.advance()
        writer.offer(run.state, epoch, **options)  # type: ignore[arg-type]

    return offer


def test_epochs_and_seconds_are_kept_to() -> None:
    for spacing, expected in ((Spacing(epochs=2), [2, 4, 6]), (Spacing(seconds=3), [3, 6])):
        clock = Clock()
        disk, run = Disk(clock), Run()
        with CheckpointWriter(disk.save, spacing, clock=clock) as writer:
            offer = offers(writer, run, clock)
            for epoch in range(1, 8):
                offer()
                disk.wait_for(*(saved for saved in expected if saved <= epoch))
        assert disk.epochs == expected


def test_cost_decides_by_default_within_ten_minutes() -> None:
    """The first save is taken to cost a little over .01 s; it costs 4 s, and so the next one is 200 s later."""
    clock = Clock()
    disk, run = Disk(clock, seconds=4.0), Run()
    with CheckpointWriter(disk.save, Spacing(), clock=clock) as writer:
        offer = offers(writer, run, clock, seconds=0.4)
        offer()
        offer()
        disk.wait_for(2)
        began = clock.now - 4.0
        while len(disk.epochs) == 1:
            clock.now += 9.6
            offer()
            time.sleep(0.002)
        assert 200 <= clock.now - 4.0 - began < 220
        disk.seconds = 100.0
        while len(disk.epochs) < 3:
            clock.now += 9.6
            offer()
            time.sleep(0.002)
        began = clock.now - 100.0
        while len(disk.epochs) < 4:
            clock.now += 9.6
            offer()
            time.sleep(0.002)
        assert 600 <= clock.now - 100.0 - began < 620


def test_what_would_not_be_saved_before_the_end_is_left_out() -> None:
    clock = Clock()
    disk, run = Disk(clock), Run()
    with CheckpointWriter(disk.save, Spacing(), clock=clock) as writer:
        offers(writer, run, clock)(seconds_left=0.001)
    assert disk.epochs == []


def test_what_others_need_is_saved_in_order_and_the_rest_replaced() -> None:
    clock = Clock()
    disk, run = Disk(clock), Run()
    with CheckpointWriter(disk.save, Spacing(epochs=1), clock=clock) as writer:
        offer = offers(writer, run, clock)
        disk.goes.clear()
        offer()
        wait_until_taken(writer)
        offer()
        offer()  # replaces the second
        offer(needed=True)  # and this the third
        offer()
        threading.Timer(0.05, disk.goes.set).start()
        offer(needed=True)  # waits for the fourth to begin; the fifth may begin before it is replaced
    assert disk.epochs in ([1, 4, 6], [1, 4, 5, 6])


def wait_until_taken(writer: CheckpointWriter) -> None:
    deadline = time.monotonic() + 10
    while not writer._is_saving:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_newest_state_is_saved_when_the_process_is_to_end() -> None:
    clock = Clock()
    disk, run = Disk(clock), Run()
    with CheckpointWriter(disk.save, Spacing(seconds=86_400), clock=clock) as writer:
        offer = offers(writer, run, clock)
        offer()
        offer()
        writer.save_now(10.0)
        assert disk.epochs == [2]
        disk.goes.clear()
        offer()
        began = time.monotonic()
        writer.save_now(0.05)
        assert time.monotonic() - began < 5
        disk.goes.set()
    assert disk.epochs == [2, 3]


@pytest.mark.parametrize(("error", "saved"), [(ZeroDivisionError(), [1]), (DivergedError("NaN"), []), (None, [])])
def test_after_an_unexpected_error_the_newest_state_is_kept(error: Exception | None, saved: list[int]) -> None:
    clock = Clock()
    disk, run = Disk(clock), Run()
    with (
        pytest.raises(type(error)) if error else nullcontext(),
        CheckpointWriter(disk.save, Spacing(seconds=86_400), clock=clock) as writer,
    ):
        offers(writer, run, clock)()
        if error is not None:
            raise error
    assert disk.epochs == saved


def test_an_error_of_saving_ends_the_training_at_the_next_epoch() -> None:
    clock, run = Clock(), Run()
    tried: list[int] = []

    def fail(state: TrainingState) -> None:
        tried.append(state.epoch)
        raise StorageError("full")

    def train() -> None:
        with CheckpointWriter(fail, Spacing(epochs=1), clock=clock) as writer:
            offer = offers(writer, run, clock)
            offer()
            while not tried or writer._thread.is_alive():
                time.sleep(0.001)
            offer(needed=True)
            pytest.fail("it went on")

    def end() -> None:
        with CheckpointWriter(fail, Spacing(epochs=1), clock=clock) as writer:
            offers(writer, Run(), clock)(needed=True)

    for act in (train, end):
        with pytest.raises(StorageError, match="full"):
            act()
    assert tried == [1, 1]


def test_nothing_is_lost_that_others_need_at_the_end() -> None:
    clock = Clock()
    disk, run = Disk(clock), Run()
    with CheckpointWriter(disk.save, Spacing(seconds=86_400), clock=clock) as writer:
        offer = offers(writer, run, clock)
        disk.goes.clear()
        offer(needed=True)
        offer()
        threading.Timer(0.05, disk.goes.set).start()
    assert disk.epochs == [1]
