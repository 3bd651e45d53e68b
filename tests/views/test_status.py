"""The status of a run on a page: the arms that say most, and what to do next."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from raysat.storage.heartbeat import RunningJob, RunStatus, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.progress import read_progress
from raysat.storage.records import Failure
from raysat.views.status import show_status
from tests.helpers.ledger import files_of, made_up_plan, made_up_record

ARMS = 60


def trial(arm: int, seed: int) -> str:
    return f"{arm:08x}{seed:08x}"


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> Ledger:
    """Sixty arms of two seeds, of which none has begun."""
    arms = [
        {"name": f"arm {arm}", "trials": [{"seed": seed, "id": trial(arm, seed)} for seed in (0, 1)]}
        for arm in range(ARMS)
    ]
    ledger = Ledger(tmp_path / "s")
    ledger.write_plan("study: s\n", made_up_plan(arms=arms, command="raysat ablate --space s.yaml --data demo"))
    return ledger


def shown(ledger: Ledger, *, everything: bool = False) -> list[str]:
    file = io.StringIO()
    show_status(read_progress(ledger), Console(file=file, width=80, soft_wrap=True), everything=everything)
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def finish(ledger: Ledger, arm: int, seed: int) -> None:
    ledger.write(trial(arm, seed), files_of(made_up_record(trial(arm, seed))))


def test_of_many_arms_those_are_listed_that_failed_or_are_partly_done(ledger: Ledger) -> None:
    finish(ledger, 47, 0)
    for arm in range(50, 58):
        ledger.write_failure(Failure(id=trial(arm, 1), error="it diverged", time=0.0))
    lines = shown(ledger)
    assert len(lines) <= 40
    assert {"arm 47 1 – – 1", *(f"arm {arm} – – 1 1" for arm in range(50, 58))} < set(lines)
    assert "... 40 more arms: --all shows them" in lines
    assert "... 3 more failed trials: --all shows them" in lines
    whole = shown(ledger, everything=True)
    assert sum(line.startswith("arm ") for line in whole[1:]) == ARMS
    assert not any("--all" in line for line in whole)


@pytest.mark.parametrize(
    ("out", "option"), [("runs", ""), ("runs9", " --out runs9"), ("my runs/new", " --out 'my runs/new'")]
)
def test_the_next_command_finds_the_folder_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, option: str
) -> None:
    (tmp_path / out).mkdir(parents=True)
    ledger.root.rename(tmp_path / out / "s")
    monkeypatch.chdir(tmp_path)
    assert shown(Ledger(Path(out) / "s"))[-1].endswith(f": raysat ablate --space s.yaml --data demo{option}")


def test_what_to_do_next(ledger: Ledger) -> None:
    begun = "raysat ablate --space s.yaml --data demo"
    assert (
        shown(ledger)[-1]
        == f"next the command that began it trains what is missing: {begun} --out {ledger.root.parent}"
    )
    ledger.write_failure(Failure(id=trial(0, 0), error="it diverged", time=0.0))
    assert shown(ledger)[-1].startswith("next the command that began it trains what is missing, and tries what failed")
    for arm in range(ARMS):
        for seed in (0, 1):
            finish(ledger, arm, seed)
    assert shown(ledger)[-1] == f"next raysat report {ledger.root} says what helped, and how surely"


def test_of_very_many_running_jobs_some_are_listed_and_the_others_counted(ledger: Ledger) -> None:
    running = [RunningJob(job=trial(arm, 0), name=f"arm {arm}", seed=0, epoch=1, epochs=2) for arm in range(ARMS)]
    status = RunStatus(done=0, failed=0, already_done=0, total=120, running=tuple(running), eta_seconds=None)
    with ledger.lock():
        write_status(ledger.progress, status)
        lines, whole = shown(ledger), shown(ledger, everything=True)
    assert sum(line.startswith("running ") for line in lines) == 8
    assert "... 52 more running jobs: --all shows them" in lines
    assert sum(line.startswith("running ") for line in whole) == ARMS


def test_what_runs_and_what_waits_for_nodes_is_said_while_a_run_lives(ledger: Ledger) -> None:
    running = RunningJob(job=trial(0, 0), name="arm 0", seed=0, epoch=3, epochs=9)
    status = RunStatus(done=0, failed=0, already_done=0, total=120, running=(running,), waiting=13, eta_seconds=None)
    write_status(ledger.progress, status)
    assert not any(line.startswith("waiting") for line in shown(ledger)), "nobody holds the run"
    with ledger.lock():
        lines = shown(ledger)
    assert "running arm 0 seed 0 epoch 3/9" in lines
    assert "waiting 13 jobs for nodes" in lines
