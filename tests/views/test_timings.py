"""Where the seconds of a command went, as a terminal of 80 columns shows it."""

import io

from rich.console import Console

from raysat.execution.timings import Phase, Spent
from raysat.training.stopwatch import Part
from raysat.views.timings import show_timings


def shown(spent: Spent) -> list[str]:
    file = io.StringIO()
    show_timings(spent, Console(file=file, width=80, _environ={}))
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_phases_add_up_and_so_do_the_jobs() -> None:
    parts = dict.fromkeys(Part, 1.0) | {Part.STEPS: 30.0, Part.BATCH_NORM: 0.0}
    lines = shown(Spent(phases={Phase.PLAN: 1.5, Phase.JOBS: 25.0, Phase.END: 0.25}, jobs=50.0, parts=parts))
    assert lines[:5] == [
        "phase seconds",
        "imports, study and plan 1.5",
        "jobs 25.0",
        "end and leaderboard 0.2",
        "in all 26.8",
    ]
    assert "training steps 30.0 60 %" in lines
    assert "the rest: starting, waiting, attempts that did not finish 14.0 28 %" in lines
    assert not any("batch norm" in line for line in lines)
    assert lines[-1] == "all jobs together 50.0"


def test_without_jobs_there_is_one_table() -> None:
    assert shown(Spent(phases={Phase.PLAN: 1.0, Phase.END: 1.0}, jobs=0.0, parts={}))[-1] == "in all 2.0"
