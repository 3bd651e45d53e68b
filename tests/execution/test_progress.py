"""What a run shows and writes down of itself, told by Tune's callbacks."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from raysat.data.store import Split
from raysat.execution import progress as module
from raysat.execution.progress import Progress
from raysat.plan.stages import Chain, chains
from raysat.storage.heartbeat import read_status
from tests.helpers.stages import way


@pytest.fixture(name="tasks")
def _tasks() -> tuple[Chain, ...]:
    """A chain of 6 epochs on which two trials end, and one of 4 epochs beside it."""
    long = way("long", 6)
    return chains([way("short", 3, long.states[:4]), long, way("other", 4)])


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def following(tasks: tuple[Chain, ...], file: Path | None = None) -> Progress:
    return Progress(tasks, Console(file=io.StringIO()), watched="val", finished_before=2, file=file)


def tell(progress: Progress, job: str, state: str, **more: Any) -> None:
    result = {"job": job, "state": state, **more}
    progress.on_trial_result(0, [], SimpleNamespace(config={"job": job}), result)


def test_a_chain_shows_as_the_trial_that_ends_next(tasks: tuple[Chain, ...], tmp_path: Path, clock: Clock) -> None:
    progress = following(tasks, tmp_path / "progress.json")

    def running() -> list[tuple[str, int, int]]:
        clock.now += 10
        progress.on_step_end(0, [])
        standing = read_status(tmp_path / "progress.json")
        assert standing is not None
        return [(each.job, each.epoch, each.epochs) for each in standing.running]

    progress.on_trial_start(0, [], SimpleNamespace(config={"job": "long"}))
    tell(progress, "long", "training", epoch=2)
    assert running() == [("short", 2, 3)]
    tell(progress, "long", "training", epoch=3)
    tell(progress, "long", "finished", trial="short", epoch=3, balanced_accuracy=0.5, icv=0.1)
    assert progress.finished == ["short"]
    tell(progress, "long", "training", epoch=4)
    assert running() == [("long", 4, 6)]
    tell(progress, "long", "done", trial="long", epoch=6, balanced_accuracy=0.5, icv=0.1)
    assert progress.finished == ["short", "long"]
    assert running() == []


def test_a_chain_that_dies_fails_what_is_not_finished(tasks: tuple[Chain, ...]) -> None:
    progress = following(tasks)
    tell(progress, "long", "finished", trial="short")
    progress.on_trial_error(0, [], SimpleNamespace(config={"job": "long"}))
    progress.give_up(next(task for task in tasks if task.id == "other"))
    assert (progress.finished, progress.failed) == (["short"], ["long", "other"])


def test_a_trial_whose_report_was_lost_counts_as_finished_after_the_retry(tasks: tuple[Chain, ...]) -> None:
    """The next worker finds its record, and says so before anything else."""
    progress = following(tasks)
    tell(progress, "long", "training", epoch=2)
    progress.on_trial_start(0, [], SimpleNamespace(config={"job": "long"}))  # again
    tell(progress, "long", "finished", trial="short")
    tell(progress, "long", "done", trial="long", epoch=6)
    assert (progress.finished, progress.failed) == (["short", "long"], [])


def test_the_time_left_counts_what_is_trained_now_and_what_is_still_to_come(
    tasks: tuple[Chain, ...], clock: Clock
) -> None:
    progress = following(tasks)
    assert progress._left() is None
    tell(progress, "long", "training", epoch=4, earlier=True)  # from a checkpoint: no rate in it
    clock.now += 5
    assert progress._left() is None
    tell(progress, "long", "training", epoch=5)  # 10 images in 5 s; 10 of this chain and 40 of the other are left
    assert progress._left() == pytest.approx(25)
    progress.give_up(next(task for task in tasks if task.id == "other"))
    assert progress._left() == pytest.approx(5)
    tell(progress, "long", "done", trial="long", epoch=6)
    assert progress._left() == 0


def shown(tasks: tuple[Chain, ...], watched: Split | None, *, live: bool) -> str:
    """What is on the screen when a trial trains, and when one is finished with other values."""
    console = Console(file=io.StringIO(), width=120, force_terminal=live, color_system=None)
    progress = Progress(tasks, console, watched=watched, finished_before=0)
    tell(progress, "long", "training", epoch=2, balanced_accuracy=0.625, icv=0.0625)
    tell(progress, "long", "finished", trial="short", epoch=3, balanced_accuracy=0.75, icv=0.125)
    tell(progress, "other", "training", epoch=1, balanced_accuracy=0.5, icv=0.25)
    if live:
        console.print(progress._render())
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("watched", ["val", "test"])
def test_what_is_shown_says_of_which_split_it_is(tasks: tuple[Chain, ...], watched: Split) -> None:
    plain = shown(tasks, watched, live=False)
    assert plain.splitlines() == [
        f"   1/3  short  seed 0  done  epoch 3/3  {watched} balanced accuracy 0.750, ICV 0.125  ETA –"
    ]
    head, *rows = shown(tasks, watched, live=True).splitlines()
    assert head.split() == ["job", "seed", "state", "epoch", watched, "bal.", "acc.", watched, "ICV"]
    assert [row.split() for row in rows[:2]] == [
        ["short", "0", "done", "3/3", "0.750", "0.125"],
        ["other", "0", "training", "1/4", "0.500", "0.250"],
    ]


def test_without_a_split_to_watch_none_is_named(tasks: tuple[Chain, ...]) -> None:
    assert "epoch 3/3  balanced accuracy 0.750" in shown(tasks, None, live=False)


def test_a_final_model_that_is_not_known_is_not_shown_as_its_last_epoch(tasks: tuple[Chain, ...]) -> None:
    """The report of a trial may die with its worker: an average, say, is not what the last epoch was."""
    console = Console(file=io.StringIO(), width=120)
    progress = Progress(tasks, console, watched="val", finished_before=0)
    tell(progress, "long", "training", epoch=3, balanced_accuracy=0.625, icv=0.0625)
    tell(progress, "long", "finished", trial="short")
    assert "done  epoch 3/3  val balanced accuracy –, ICV –" in console.file.getvalue()  # type: ignore[attr-defined]
