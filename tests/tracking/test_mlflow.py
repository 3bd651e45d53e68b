"""A real MLflow server on loopback, read back by MLflow's own client."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from raysat.errors import TrackerError
from raysat.tracking.mlflow import MLflow
from raysat.tracking.models import EndedTrial, Epoch, Head, Point, RunFile
from raysat.tracking.source import Source
from tests.helpers.report_fixtures import MakeRun
from tests.tracking.conftest import MLflowServer
from tests.tracking.test_source import ARMS
from tests.tracking.test_tensorboard import HOSTILE

pytestmark = pytest.mark.slow


def runs(server: MLflowServer, study: str) -> dict[str, Any]:
    """The runs of an experiment by their trials; none twice."""
    client = server.client()
    found = client.search_runs([client.get_experiment_by_name(study).experiment_id])
    by_trial = {run.data.tags["raysat.trial"]: run for run in found}
    assert len(by_trial) == len(found)
    return by_trial


def curve(server: MLflowServer, run: Any, key: str) -> list[tuple[int, float]]:
    points = server.client().get_metric_history(run.info.run_id, key)
    return sorted((point.step, point.value) for point in points)


def test_a_study_is_an_experiment_and_a_second_sending_adds_nothing(
    make_run: MakeRun, mlflow_server: MLflowServer, tmp_path: Path
) -> None:
    ledger = make_run(ARMS, seeds=(0, 1), study="whole")
    source = Source(ledger.root)
    heads, report = source.look().heads, [RunFile(path="report/leaderboard.md", content=b"1. ldam")]
    for _ in range(2):
        tracker = MLflow(tmp_path)  # as another process
        for head in heads:
            tracker.send(source.trial(head))
        tracker.files("whole", report)
        tracker.close()
    found = runs(mlflow_server, "whole")
    assert set(found) == {*(head.id for head in heads), "report"}
    for head in heads:
        run, record, history = found[head.id], ledger.read(head.id), ledger.read_history(head.id)
        assert (run.info.run_name, run.info.status) == (head.name, "FINISHED")
        assert (run.info.start_time, run.info.end_time) == (1000 * record.started, 1000 * record.ended)
        assert (run.data.tags["raysat.arm"], run.data.tags["raysat.seed"]) == (head.arm, str(head.seed))
        assert run.data.tags["raysat.version.torch"] == "2.9.0"
        for column in ("loss", "balanced_accuracy"):
            expected = [(row["epoch"], row[column]) for row in history]
            assert curve(mlflow_server, run, f"curve/{column}") == expected
        metrics = record.metrics["test"]
        assert run.data.metrics["test/icv"] == metrics.icv
        assert [run.data.metrics[f"test/f1/{name}"] for name in record.classes] == list(metrics.f1)
        assert run.data.params["optim.lr"] == str(ledger.read_spec(head.id).settings["optim"]["lr"])
    client, kept = mlflow_server.client(), found["report"].info
    assert kept.run_name == "leaderboard"
    file = client.download_artifacts(kept.run_id, "report/leaderboard.md", str(tmp_path))
    assert Path(file).read_bytes() == b"1. ldam"
    assert not list(tmp_path.glob("*.db"))


def test_points_come_while_it_trains_and_the_rest_when_it_has_ended(
    make_run: MakeRun, mlflow_server: MLflowServer, tmp_path: Path
) -> None:
    source = Source(make_run({"plain": ARMS["plain"]}, seeds=(0, 1), study="live").root)
    head, other = source.look().heads
    trial = source.trial(head)
    first = trial.curve[0].values["curve/balanced_accuracy"]
    tracker = MLflow(tmp_path)
    tracker.live(head, Point(epoch=1, balanced_accuracy=first, icv=0.5))
    tracker.live(other, Point(epoch=1, balanced_accuracy=0.5, icv=0.5))
    run = runs(mlflow_server, "live")[head.id]
    assert run.info.status == "RUNNING"
    assert curve(mlflow_server, run, "curve/balanced_accuracy") == [(1, first)]
    MLflow(tmp_path).live(head, Point(epoch=1, balanced_accuracy=first, icv=0.5))  # by another process, after a stop
    MLflow(tmp_path).send(trial)
    tracker.give_up(other, failed=True)
    found = runs(mlflow_server, "live")
    expected = [(epoch.step, epoch.values["curve/balanced_accuracy"]) for epoch in trial.curve]
    assert curve(mlflow_server, found[head.id], "curve/balanced_accuracy") == expected
    assert [found[each.id].info.status for each in (head, other)] == ["FINISHED", "FAILED"]
    tracker.live(other, Point(epoch=2, balanced_accuracy=0.5, icv=0.5))  # it is tried again
    assert runs(mlflow_server, "live")[other.id].info.status == "RUNNING"


def test_what_a_lost_connection_left_out_is_sent_later(
    make_run: MakeRun, mlflow_server: MLflowServer, tmp_path: Path
) -> None:
    source = Source(make_run({"plain": ARMS["plain"]}, seeds=(0,), study="cut").root)
    (head,) = source.look().heads
    trial, tracker = source.trial(head), MLflow(tmp_path)
    client = tracker._client

    class Cut:
        """A connection that is lost as the run is closed."""

        def __getattr__(self, name: str) -> Any:
            if name == "set_terminated":
                raise ConnectionError("lost")
            return getattr(client, name)

    tracker._client = Cut()
    with pytest.raises(TrackerError, match="lost"):
        tracker.send(trial)
    assert "raysat.state" not in runs(mlflow_server, "cut")[head.id].data.tags
    MLflow(tmp_path).send(trial)
    run = runs(mlflow_server, "cut")[head.id]
    assert run.info.status == "FINISHED"
    assert len(curve(mlflow_server, run, "curve/loss")) == 3
    assert len(curve(mlflow_server, run, "test/icv")) == 1


def test_names_and_numbers_may_be_anything(mlflow_server: MLflowServer, tmp_path: Path) -> None:
    head = Head(id="ab", study=HOSTILE + "'\"`\\", arm=HOSTILE * 20, seed=2**32 - 1, arms=(HOSTILE,) * 100)
    values = {f"curve/m{number}": value for number, value in enumerate([math.nan, math.inf, -math.inf, 1e308, -0.0])}
    trial = EndedTrial(
        head=head,
        settings={f"key.{number}": "ü" * 9000 for number in range(250)} | {"empty": "", "none": None, "true": True},
        curve=tuple(Epoch(step=step, time=1e9 + step, values=values) for step in range(1, 401)),
        final={},
        facts={f"version.{number}": "x" * 9000 for number in range(150)},
        started=1e9,
        ended=2e9,
    )
    for _ in range(2):
        MLflow(tmp_path).send(trial)
    client = mlflow_server.client()
    (experiment,) = [each for each in client.search_experiments() if each.name.startswith("../../é")]
    (run,) = client.search_runs([experiment.experiment_id])
    assert len(run.data.params) == 253
    assert len(client.get_metric_history(run.info.run_id, "curve/m3")) == 400
    assert math.isnan(client.get_metric_history(run.info.run_id, "curve/m0")[0].value)


def test_a_server_that_is_not_there(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    source = Source(make_run({"plain": ARMS["plain"]}, seeds=(0,)).root)
    tracker = MLflow(tmp_path)
    with pytest.raises(TrackerError, match=r"^MLflow at http://127\.0\.0\.1:9 cannot be reached"):
        tracker.send(source.trial(source.look().heads[0]))
    assert tracker.place == "MLflow at http://127.0.0.1:9"


def test_without_a_server_it_keeps_a_database_in_a_folder(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    source = Source(make_run({"plain": ARMS["plain"]}, seeds=(0,)).root)
    (head,) = source.look().heads
    tracker = MLflow(tmp_path / "own" / "mlflow")
    tracker.send(source.trial(head))
    tracker.files("table2", [RunFile(path="leaderboard.md", content=b"1. plain")])
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/own/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("table2")
    names = {run.info.run_name for run in client.search_runs([experiment.experiment_id])}
    assert names == {head.name, "leaderboard"}
    assert [file.name for file in (tmp_path / "own" / "mlflow" / "artifacts").rglob("*.md")] == ["leaderboard.md"]
    assert not (tmp_path / "mlruns").exists()
