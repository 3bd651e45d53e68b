"""What a run shows in the terminal, live or as plain lines."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from raysat.data.store import Split
from raysat.execution.events import (
    CacheFault,
    Connected,
    Ended,
    FromCache,
    NodeLost,
    Progress,
    Resized,
    Retrying,
    Started,
    Waiting,
)
from raysat.execution.messages import EpochDone, Score, TrialDone
from raysat.execution.run_state import RunState
from raysat.execution.store_news import Copying, ReadingByRange
from raysat.planning.stages import train_jobs
from raysat.views.run import RunView, run_table
from tests.helpers.stages import way


def run_state() -> RunState:
    """Two jobs that run; two trials end on the first."""
    long = way("long", 6)
    jobs = train_jobs([way("short", 3, long.states[:4]), long, way("other", 4)])
    state = RunState(jobs)
    for job in jobs:
        state.start(job)
    return state


def started(state: RunState, split: Split | None = "val") -> Started:
    return Started(state=state, slots=2, most=2, workers=1, cpus=1.0, gpus=0.0, validation_split=split)


def shown(split: Split | None, *, live: bool) -> str:
    """What is on the screen when a trial trains, and when one is finished with other values."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    state, view = run_state(), RunView(console)
    if not live:
        view(started(state, split))
        state.subscribers.append(lambda row: view(Progress(row=row)))
    state.receive(EpochDone(job="long", epoch=2, score=Score(balanced_accuracy=0.625, icv=0.0625)))
    state.receive(TrialDone(job="long", trial="short", score=Score(balanced_accuracy=0.75, icv=0.125)))
    state.receive(EpochDone(job="other", epoch=1, score=Score(balanced_accuracy=0.5, icv=0.25)))
    if live:
        console.print(run_table(started(state, split)))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("split", ["val", "test"])
def test_what_is_shown_says_of_which_split_it_is(split: Split) -> None:
    assert shown(split, live=False).splitlines() == [
        "running    2 jobs at a time, 1 CPU each",
        f"   1/3  short  seed 0  done  epoch 3/3  {split} balanced accuracy 0.750, ICV 0.125  ETA –",
    ]
    head, *rows, summary = shown(split, live=True).splitlines()
    assert head.split() == ["job", "seed", "state", "epoch", split, "bal.", "acc.", split, "ICV"]
    assert [row.split() for row in rows] == [
        ["short", "0", "done", "3/3", "0.750", "0.125"],
        ["other", "0", "training", "1/4", "0.500", "0.250"],
    ]
    assert summary.startswith("1/3 jobs done  2 running  ")


def test_without_a_validation_split_none_is_named() -> None:
    assert "epoch 3/3  balanced accuracy 0.750" in shown(None, live=False)


def test_a_final_model_that_is_not_known_is_not_shown_as_its_last_epoch() -> None:
    """The report of a trial may die with its worker: an average, say, is not what the last epoch was."""
    console, state = Console(file=io.StringIO(), width=120), run_state()
    view = RunView(console)
    view(started(state))
    state.subscribers.append(lambda row: view(Progress(row=row)))
    state.receive(EpochDone(job="long", epoch=3, score=Score(balanced_accuracy=0.625, icv=0.0625)))
    state.receive(TrialDone(job="long", trial="short"))
    assert "done  epoch 3/3  val balanced accuracy –, ICV –" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_terminal_shows_a_live_table_that_is_gone_in_the_end() -> None:
    console, state = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None), run_state()
    view = RunView(console)
    for event in (Waiting(reason="runs/a is in use"), Connected(dashboard="http://127.0.0.1:8265"), started(state)):
        view(event)
    state.receive(EpochDone(job="long", epoch=2))
    view(Ended())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.startswith("waiting    runs/a is in use\ndashboard  http://127.0.0.1:8265\n")
    assert "jobs done" in text
    assert text.endswith("\x1b[2Kdone       0 jobs, 0 failed\n"), "the table is erased before"


def test_a_job_that_is_tried_again_is_said_with_its_reason() -> None:
    screen = io.StringIO()
    view = RunView(Console(file=screen, width=120))
    view(Retrying(name="LDAM", seed=0, reason="The actor died unexpectedly"))
    view(Retrying(name="generate rare", seed=None, reason="The actor died unexpectedly"))
    assert screen.getvalue().splitlines() == [
        "retrying   LDAM, seed 0: The actor died unexpectedly",
        "retrying   generate rare: The actor died unexpectedly",
    ]


def test_nodes_that_join_and_leave_are_said() -> None:
    screen, page, state = io.StringIO(), io.StringIO(), run_state()
    view = RunView(Console(file=screen, width=120))
    view(replace(started(state), slots=1, most=16))
    view(Resized(slots=3))
    view(NodeLost(node="10.0.0.1", jobs=2))
    assert screen.getvalue().splitlines() == [
        "running    1 job at a time, 1 CPU each; up to 16 as nodes join",
        "nodes      3 jobs at a time now",
        "lost node  10.0.0.1: 2 jobs go back to the queue",
    ]
    state.waiting = 13
    Console(file=page, width=120).print(run_table(started(state)))
    assert "13 wait for nodes" in page.getvalue()


def test_a_copy_is_said_at_once_and_then_now_and_then() -> None:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    view = RunView(console)
    for done in range(0, 4_600_000_001, 46_000_000):
        view(Copying(done=done, total=4_600_000_000))
    assert console.file.getvalue() == "copying    0 % of 4.6 GB of patches to this machine\n"  # type: ignore[attr-defined]


def test_reading_by_range_is_said() -> None:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    view = RunView(console)
    for _ in range(3):  # jobs
        view(ReadingByRange(total=4_600_000_000))
    said = "reading    by range: 4.6 GB of patches do not fit the cache of this machine\n"
    assert console.file.getvalue() == said  # type: ignore[attr-defined]


def test_of_very_many_jobs_as_many_are_shown_as_fit_a_terminal() -> None:
    jobs = train_jobs([way(f"trial {number}", 2) for number in range(1000)])
    state = RunState(jobs)
    for job in jobs:
        state.start(job)
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(run_table(started(state)))
    _, *rows, more, summary = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [row.split()[1] for row in rows] == [str(number) for number in range(40)]
    assert more.strip() == "... 960 more"
    assert "1000 running" in summary


def test_what_a_cache_gave_and_why_it_did_not() -> None:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    view, cache = RunView(console), Path("/shared/cache")
    view(FromCache(cache=cache, trials=12, total=40, generators=0, others=()))
    view(FromCache(cache=cache, trials=1, total=1, generators=2, others=("torch 1.0", "timm 0.9")))
    view(CacheFault(cache=cache, error="no space left", taking=False))
    view(CacheFault(cache=cache, error="it cannot be reached", taking=True))
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "cache      12 of 40 trials from /shared/cache",
        "cache      1 of 1 trial, patches of 2 generators from /shared/cache; some were made by torch 1.0, timm 0.9",
        "cache      /shared/cache cannot be written: no space left; the same command again offers what is finished",
        "cache      /shared/cache cannot be read: it cannot be reached; what is missing is trained",
    ]
