"""What a run's storage says of its trials: of a study, finished or not, and of a search; nothing is written there."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysat.errors import StorageError
from raysat.files import ObjectPath
from raysat.search.log import save_log
from raysat.storage.heartbeat import RunningJob, RunStatus, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.verify import verify
from raysat.tracking.models import Point
from raysat.tracking.source import Source
from tests.helpers.ledger import made_up_plan, reseal, whole_files
from tests.helpers.report_fixtures import MakeRun
from tests.helpers.search import candidate, finished, load, log_of

ARMS = {"plain": (0.9, 0.5, 0.6, 0.4), "ldam": (0.8, 0.7, 0.7, 0.7)}
SEARCH = "search: {optim.lr: {uniform: [0.001, 0.1]}}\nbudget: {trials: 4}\n"


def running(job: str, epoch: int, score: float | None) -> RunningJob:
    return RunningJob(job=job, name="plain", seed=1, epoch=epoch, epochs=3, balanced_accuracy=score, icv=score)


def status(*jobs: RunningJob) -> RunStatus:
    return RunStatus(done=1, failed=0, already_done=0, total=4, running=jobs, eta_seconds=None)


def test_a_finished_trial_is_all_that_is_on_record(make_run: MakeRun) -> None:
    ledger = make_run(ARMS, seeds=(0, 7))
    source = Source(ledger.root)
    look = source.look()
    assert [(head.name, head.study) for head in look.heads] == [
        (f"{arm} seed {seed}", "table2") for arm in ARMS for seed in (0, 7)
    ]
    assert look.ended == {head.id for head in look.heads}
    assert look.is_complete
    head = look.heads[1]
    trial, record, history = source.trial(head), ledger.read(head.id), ledger.read_history(head.id)
    assert [(epoch.step, dict(epoch.values)) for epoch in trial.curve] == [
        (row["epoch"], {f"curve/{key}": value for key, value in row.items() if key != "epoch"}) for row in history
    ]
    assert [epoch.time for epoch in trial.curve] == [record.started + 0.5 * n for n in (1, 2, 3)]
    metrics = record.metrics["test"]
    assert trial.final["test/balanced_accuracy"] == metrics.balanced_accuracy
    assert [trial.final[f"test/recall/{name}"] for name in record.classes] == list(metrics.recall)
    assert trial.final["trained/images"] == 888
    assert trial.settings["optim.lr"] == ledger.read_spec(head.id).settings["optim"]["lr"]
    assert trial.facts["version.torch"] == "2.9.0"


def test_a_class_without_patches_has_no_number(make_run: MakeRun) -> None:
    ledger = make_run({"plain": (0.9, 0.5, 0.6, 0.4)}, seeds=(0,), sizes=(30, 8, 7, 0))
    source = Source(ledger.root)
    final = source.trial(source.look().heads[0]).final
    assert "test/recall/water" in final
    assert "test/recall/forest" not in final


def test_what_trains_has_a_point_once_it_was_scored(make_run: MakeRun) -> None:
    ledger = make_run(ARMS, seeds=(0, 1), missing=[("plain", 1), ("ldam", 1)], failed={("ldam", 0): "no memory"})
    source = Source(ledger.root)
    plain, ldam = (head for head in source.look().heads if head.seed == 1)
    write_status(ledger.progress, status(running(plain.id, 2, 0.5), running(ldam.id, 0, None)))
    with ledger.lock():
        look = source.look()
    assert look.running == ((plain, Point(epoch=2, balanced_accuracy=0.5, icv=0.5)),)
    assert look.is_alive
    assert not look.is_complete
    assert len(look.failed) == 1
    assert not source.look().running  # nobody trains it any more


def test_arms_that_share_a_trial_have_it_once_by_the_first_of_them(tmp_path: Path) -> None:
    ledger, trials = Ledger(tmp_path / "run"), ({"seed": 0, "id": "ab"},)
    arms = ({"name": "first", "trials": trials}, {"name": "second", "trials": trials})
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    (head,) = Source(ledger.root).look().heads
    assert (head.arm, head.arms) == ("first", ("first", "second"))


def test_a_curve_with_nan_is_a_damaged_record(make_run: MakeRun) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    source = Source(ledger.root)
    head = source.look().heads[0]
    reseal(ledger, head.id, {"history.csv": b"epoch,loss\n1,nan\n"})
    with pytest.raises(StorageError, match="loss is 'nan'"):
        source.trial(head)


def test_a_search_has_candidates_and_those_that_were_stopped_a_curve(tmp_path: Path) -> None:
    search = load(tmp_path, SEARCH)
    ledger = Ledger(tmp_path / "run")
    candidates = [
        finished(search, 0, None, 0.5, 0.1),
        candidate(search, 1, {"optim.lr": 0.05}, state="stopped", curve=(0.25, 0.5)),
        candidate(search, 2, {"optim.lr": 0.01}, state="failed"),
        candidate(search, 3, {"optim.lr": 0.02}),
    ]
    ledger.write(candidates[0].job, whole_files(candidates[0].job))
    save_log(ledger.root, log_of(search, candidates))
    source = Source(ledger.root)
    look = source.look()
    assert [head.arm for head in look.heads] == ["base", "#1", "#2", "#3"]
    assert look.ended == {candidates[0].job, candidates[1].job}
    assert set(look.failed) == {candidates[2].job}
    stopped = source.trial(look.heads[1])
    assert [(epoch.step, dict(epoch.values)) for epoch in stopped.curve] == [
        (1, {"curve/balanced_accuracy": 0.25}),
        (2, {"curve/balanced_accuracy": 0.5}),
    ]
    assert stopped.settings["optim.lr"] == 0.05
    assert source.trial(look.heads[0]).final["test/accuracy"] == 0.75


def test_files_are_those_of_the_leaderboard_and_the_report(make_run: MakeRun) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    (ledger.root / "report" / "figures").mkdir(parents=True)
    for path in ("leaderboard.md", "report/report.html", "report/figures/forest.png"):
        (ledger.root / path).write_bytes(path.encode())
    (ledger.root / "report" / "passwords").symlink_to("/etc/passwd")
    files = {file.path: file.content for file in Source(ledger.root).files()}
    assert files == {
        path: path.encode() for path in ("leaderboard.md", "report/report.html", "report/figures/forest.png")
    }


def test_a_run_in_an_object_store_is_read_as_one_on_a_disk(bucket: ObjectPath) -> None:
    ledger = Ledger(bucket / "runs" / "study")
    ledger.write_plan("study: s\n", made_up_plan(arms=({"name": "a", "trials": ({"seed": 0, "id": "ab"},)},)))
    ledger.write("ab", whole_files("ab"))
    source = Source(ledger.root)
    look = source.look()
    assert look.is_complete
    assert [epoch.values["curve/loss"] for epoch in source.trial(look.heads[0]).curve] == [1.5, 1.25]
    assert list(source.files()) == []


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a run"):
        Source(tmp_path).look()


def test_the_folder_of_trackers_is_nothing_that_verify_minds(make_run: MakeRun) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    before = [finding.path for finding in verify(ledger).findings]
    (ledger.root / "tracking" / "mlflow").mkdir(parents=True)
    assert [finding.path for finding in verify(ledger).findings] == before
