"""W&B without an account: its folders, read back record by record."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raysat.tracking.models import Point, RunFile
from raysat.tracking.source import Source
from raysat.tracking.wandb import WandB
from tests.helpers.report_fixtures import MakeRun
from tests.helpers.wandb_file import records
from tests.tracking.test_source import ARMS
from tests.tracking.test_tensorboard import HOSTILE


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    """W&B's own process ends with these tests."""
    yield
    import wandb

    wandb.teardown()


def kept(folder: Path, trial: str) -> list[Any]:
    """The records of a trial's one run, once W&B's own process has written the last of them."""
    (file,) = folder.glob(f"wandb/offline-run-*-{trial}/*.wandb")
    until = time.monotonic() + 30
    while True:
        found = list(records(file))
        if any(record.WhichOneof("record_type") == "exit" for record in found) or time.monotonic() > until:
            return found
        time.sleep(0.1)


def rows(found: list[Any]) -> list[dict[str, float]]:
    """What was logged, without what W&B adds."""
    logged = [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in found
        if record.WhichOneof("record_type") == "history"
    ]
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in logged]


def updates(found: list[Any], kind: str) -> dict[str, Any]:
    changes = [update for record in found for update in getattr(getattr(record, kind), "update", ())]
    return {"/".join(update.nested_key) or update.key: json.loads(update.value_json) for update in changes}


@pytest.mark.slow
def test_a_trial_is_a_run_with_its_id_and_a_second_sending_adds_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    source = Source(ledger.root)
    for _ in range(2):
        tracker = WandB(tmp_path / "wandb")
        for head in source.look().heads:
            tracker.send(source.trial(head))
        tracker.close()
    for head in source.look().heads:
        found = kept(tmp_path, head.id)
        (run,) = (record.run for record in found if record.WhichOneof("record_type") == "run")
        assert (run.run_id, run.display_name, run.run_group, run.project) == (head.id, head.name, head.arm, "table2")
        assert rows(found) == [
            {"epoch": row["epoch"]} | {f"curve/{key}": row[key] for key in row if key != "epoch"}
            for row in ledger.read_history(head.id)
        ]
        config = {update.key: json.loads(update.value_json) for update in run.config.update}
        assert config["optim.lr"] == ledger.read_spec(head.id).settings["optim"]["lr"]
        assert (config["arm"], config["seed"]) == (head.arm, 0)
        assert updates(found, "config")["raysat.version.torch"] == "2.9.0"
        metrics = ledger.read(head.id).metrics["test"]
        summary = updates(found, "summary")
        assert summary["test/balanced_accuracy"] == metrics.balanced_accuracy
        assert summary["test/recall/forest"] == metrics.recall[3]
        folder = next(tmp_path.glob(f"wandb/offline-run-*-{head.id}"))
        assert not list((folder / "files").iterdir())  # neither packages nor machine are told


def test_points_come_while_two_trials_train_and_none_comes_twice(make_run: MakeRun, tmp_path: Path) -> None:
    source = Source(make_run(ARMS, seeds=(0,)).root)
    one, other = source.look().heads
    tracker = WandB(tmp_path / "wandb")
    for epoch in (1, 2):
        for head in (one, other):
            tracker.live(head, Point(epoch=epoch, balanced_accuracy=0.25, icv=0.5))
    trial = source.trial(one)
    tracker.send(trial)
    tracker.give_up(other, failed=True)
    tracker.close()
    found = rows(kept(tmp_path, one.id))
    points = [(row["epoch"], row["curve/balanced_accuracy"]) for row in found if "curve/balanced_accuracy" in row]
    assert points == [(1, 0.25), (2, 0.25), (3, trial.curve[2].values["curve/balanced_accuracy"])]
    losses = [(row["epoch"], row["curve/loss"]) for row in found if "curve/loss" in row]
    assert losses == [(epoch.step, epoch.values["curve/loss"]) for epoch in trial.curve]
    exits = [record.exit.exit_code for record in kept(tmp_path, other.id) if record.WhichOneof("record_type") == "exit"]
    assert exits == [1]


def test_what_a_killed_process_left_is_written_anew(make_run: MakeRun, tmp_path: Path) -> None:
    source = Source(make_run({"plain": ARMS["plain"]}, seeds=(0,)).root)
    (head,) = source.look().heads
    left = tmp_path / "wandb" / f"offline-run-20260101_000000-{head.id}"
    left.mkdir(parents=True)
    (left / f"run-{head.id}.wandb").write_bytes(b":W&B")
    tracker = WandB(tmp_path / "wandb")
    tracker.send(source.trial(head))
    assert not left.exists()
    assert len(rows(kept(tmp_path, head.id))) == 3


def test_names_may_be_anything_and_the_report_is_an_artifact(make_run: MakeRun, tmp_path: Path) -> None:
    source = Source(make_run({HOSTILE: ARMS["plain"]}, seeds=(0,)).root)
    (head,) = source.look().heads
    tracker = WandB(tmp_path / "wandb")
    tracker.send(source.trial(head))
    for text in (b"first", b"second"):
        tracker.files(HOSTILE, [RunFile(path="report/leaderboard.md", content=text)])
    tracker.close()
    (run,) = (record.run for record in kept(tmp_path, head.id) if record.WhichOneof("record_type") == "run")
    assert len(run.run_group) <= 128 >= len(run.display_name)
    (artifact,) = (
        record.artifact if record.WhichOneof("record_type") == "artifact" else record.request.log_artifact.artifact
        for record in kept(tmp_path, "*-report")
        if record.WhichOneof("record_type") == "artifact" or record.request.HasField("log_artifact")
    )
    assert artifact.type == "report"
    assert [entry.path for entry in artifact.manifest.contents] == ["report/leaderboard.md"]


@pytest.mark.parametrize(
    ("environment", "mode"),
    [
        ({}, "offline"),
        ({"WANDB_API_KEY": "k" * 40}, "online"),
        ({"WANDB_API_KEY": "k" * 40, "WANDB_MODE": "offline"}, "offline"),
        ({"NETRC": "machine api.wandb.ai login user password " + "k" * 40}, "online"),
        ({"NETRC": "machine example.org login user password x"}, "offline"),
        ({"NETRC": "no netrc at all"}, "offline"),
    ],
)
def test_it_is_online_where_there_is_a_key_alone(
    environment: dict[str, str], mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        if name == "NETRC":
            (tmp_path / "netrc").write_text(value)
            (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv(name, str(tmp_path / "netrc") if name == "NETRC" else value)
    assert WandB(tmp_path)._mode == mode
