"""``raysat track`` and ``ablate --track`` as users type them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raysat.api import tracking
from raysat.api.ablation import ablate as ablate_from_python
from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.command import STUDY, Raysat, ablate
from tests.helpers.patience import PATIENCE_S
from tests.helpers.report_fixtures import MakeRun
from tests.helpers.run import run_alone
from tests.tracking.conftest import start_mlflow

pytestmark = pytest.mark.slow

GONE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(name)


def test_a_finished_run_is_sent_and_sent_again(raysat: Raysat, tiny_run: Ledger, tmp_path: Path) -> None:
    for _ in range(2):
        result = raysat("track", tiny_run.root, "--to", "tensorboard", "--out", tmp_path)
        where = tmp_path / "tensorboard"
        assert (result.code, result.err) == (0, "")
        assert result.out == f"tracking   4 of 4 trials sent to TensorBoard files in {where}\n"
    for arm in tiny_run.read_plan().arms:
        for trial in arm.trials:
            (file,) = where.glob(f"*/seed-{trial.seed}-{trial.id}/*")
            found = EventAccumulator(str(file.parent)).Reload()
            loss = [pytest.approx(row["loss"], rel=1e-6) for row in tiny_run.read_history(trial.id)]
            assert [event.value for event in found.Scalars("curve/loss")] == loss


def test_mistakes(raysat: Raysat, tiny_run: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = raysat("track", tmp_path, "--to", "mlflow")
    assert (none.code, "is not a run" in none.err) == (2, True)
    assert "'tensorboard', 'mlflow', 'wandb'" in raysat("track", tiny_run.root, "--to", "aim").err
    monkeypatch.setenv("MLFLOW_TRACKING_URI", GONE)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    gone = raysat("track", tiny_run.root, "--to", "mlflow")
    assert (gone.code, gone.out) == (3, "")
    assert gone.err.startswith(f"error: MLflow at {GONE} cannot be reached\n")


def test_damaged_records_are_named_and_the_exit_code_says_so(raysat: Raysat, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run({"one": (0.9, 0.6, 0.7, 0.5), "two": (0.8, 0.6, 0.7, 0.5)})
    trial = run.read_plan().arms[0].trials[0]
    (run.root / "trials" / trial.id / "record.json").write_text('{"x": 1}', encoding="utf-8")
    result = raysat("track", run.root, "--to", "tensorboard", "--out", tmp_path / "sent")
    assert result.code == 1
    assert f"left out   one seed {trial.seed}: " in result.out
    link = next((tmp_path / "sent" / "tensorboard").glob("*/seed-*"))
    link.rename(tmp_path / "elsewhere")
    link.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / next((tmp_path / "elsewhere").iterdir()).name).unlink()
    refused = raysat("track", run.root, "--to", "tensorboard", "--out", tmp_path / "sent")
    assert refused.code == 3
    assert "is a symbolic link" in refused.err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_run_is_not_followed(raysat: Raysat, tmp_path: Path, landsat_store: PatchStore) -> None:
    run = run_alone(tmp_path, STUDY, landsat_store).root
    (run / "tracking").symlink_to(tmp_path)
    result = raysat("track", run, "--to", "tensorboard")
    assert result.code == 2
    assert "link" in result.err
    assert not (tmp_path / "tensorboard").exists()


def results(ledger: Ledger) -> dict[str, object]:
    """All numbers of a run's trials, to the last bit, but for times."""
    trials = ledger.read_plan().trial_ids
    curves = {trial: [row["loss"] for row in ledger.read_history(trial)] for trial in trials}
    return {trial: (curves[trial], ledger.read(trial).metrics) for trial in trials}


def test_a_lost_server_changes_nothing_of_a_training(
    raysat: Raysat,
    space: Path,
    landsat_store: PatchStore,
    tmp_path: Path,
    ray_session: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One tracker's server is not there, the other is a folder."""
    monkeypatch.setattr(tracking, "DEADLINE_S", PATIENCE_S)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", GONE)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = raysat(*ablate(space, landsat_store, tmp_path / "runs"), "--track", "mlflow", "--track", "tensorboard")
    assert (result.code, result.err) == (0, "")
    run = tmp_path / "runs" / "tiny"
    assert [line for line in result.out.splitlines() if line.startswith("tracking")] == [
        f"tracking   0 of 4 trials sent to MLflow at {GONE} (MLflow at {GONE} cannot be reached); "
        f"the rest: raysat track {run} --to mlflow",
        f"tracking   4 of 4 trials sent to TensorBoard files in {run}/tracking/tensorboard",
    ]
    again = ablate_from_python(space, landsat_store.path, out=tmp_path / "runs", track=["tensorboard"])
    assert [(each.sent, each.total, each.error) for each in again.tracked] == [(4, 4, None)]
    assert raysat(*ablate(space, landsat_store, tmp_path / "alone")).code == 0
    assert results(Ledger(run)) == results(Ledger(tmp_path / "alone" / "tiny"))
    assert len(list(run.glob("tracking/tensorboard/*/*/*.whole"))) == 4
    assert [file.name for file in run.glob("tracking/tensorboard/report/*")] == ["events.out.tfevents.1.whole"]


def test_a_server_that_is_killed_in_the_middle_gets_the_rest_later(
    raysat: Raysat,
    space: Path,
    landsat_store: PatchStore,
    tmp_path: Path,
    ray_session: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracking, "DEADLINE_S", 60.0)
    server = start_mlflow(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    client = server.client()

    def kill_once_a_trial_is_there() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            experiment = client.get_experiment_by_name("tiny")
            if experiment is not None and client.search_runs([experiment.experiment_id]):
                break
            time.sleep(0.05)
        server.kill()

    killer = threading.Thread(target=kill_once_a_trial_is_there)
    killer.start()
    result = raysat(*ablate(space, landsat_store, tmp_path / "runs"), "--epochs", "40", "--track", "mlflow")
    killer.join()
    run = tmp_path / "runs" / "tiny"
    assert result.code == 0
    (line,) = (line for line in result.out.splitlines() if line.startswith("tracking"))
    assert line.endswith(f"; the rest: raysat track {run} --to mlflow")
    assert raysat(*ablate(space, landsat_store, tmp_path / "alone"), "--epochs", "40").code == 0
    assert results(Ledger(run)) == results(Ledger(tmp_path / "alone" / "tiny"))
    again = start_mlflow(tmp_path)  # with the same database
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", again.url)
        assert "4 of 4 trials sent" in raysat("track", run, "--to", "mlflow").out
        client = again.client()
        found = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
        assert sorted(each.info.run_name for each in found) == sorted(
            ["leaderboard", *(f"{arm} seed {seed}" for arm in ("plain", "LDAM") for seed in (0, 1))]
        )
        for each in found:
            points = client.get_metric_history(each.info.run_id, "curve/balanced_accuracy")
            assert sorted(point.step for point in points) == list(range(1, 41 if "seed" in each.info.run_name else 1))
    finally:
        again.kill()
