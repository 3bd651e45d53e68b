"""Ablate, open, read back: what the Python API gives is what the command writes."""

import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

import raysat
from raysat.data.store import PatchStore
from raysat.errors import StorageError, UsageError
from raysat.execution.events import Connected, Ended, Event, Progress, Resumed, Started

STUDY = {
    "study": "tiny",
    "base": {"model": {"name": "test_resnet"}, "optim": {"epochs": 2, "batch_size": 16}},
    "arms": {
        "plain": {},
        "ldam": {"loss": {"kind": "ldam"}},
        "fails": {"optim": {"kind": "sgd", "lr": 1000.0, "weight_decay": 1000.0}},
    },
    "seeds": 2,
}
Trained = tuple[raysat.Run, list[Event]]


@pytest.fixture(scope="module", name="trained")
def _trained(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore, ray_session: None) -> Trained:
    events: list[Event] = []
    handler = signal.getsignal(signal.SIGTERM)
    out = tmp_path_factory.mktemp("runs")
    run = raysat.ablate(STUDY, landsat_store.path, out=out, on_event=events.append)
    assert signal.getsignal(signal.SIGTERM) is handler
    return run, events


def test_it_trains_and_tells_what_happens(trained: Trained, capfd: pytest.CaptureFixture[str]) -> None:
    run, events = trained
    assert run.outcome is not None
    assert (run.outcome.finished, run.outcome.failed, run.outcome.interrupted) == (4, 2, False)
    assert [type(event) for event in events if not isinstance(event, Progress | Connected)] == [Resumed, Started, Ended]
    ended = {event.row.item.id for event in events if isinstance(event, Progress) and event.row and event.row.has_ended}
    assert len(ended) == 6
    assert not run.is_complete
    assert capfd.readouterr() == ("", "")


def test_its_files_are_those_of_the_command(trained: Trained) -> None:
    run, _ = trained
    assert [file.name for file in run.files] == ["leaderboard.md", "leaderboard.csv", "leaderboard.json"]
    board = json.loads((run.path / "leaderboard.json").read_text(encoding="utf-8"))
    frame = run.to_frame()
    assert frame.index.names == ["arm", "seed"]
    for arm in board["arms"]:
        if arm["n"]:
            assert frame.loc[arm["name"], "balanced_accuracy"].tolist() == arm["balanced_accuracy"]["values"]
    arms = run.to_frame("arm")
    assert arms.index.tolist() == [arm["name"] for arm in board["arms"]]
    assert arms["rank"].tolist() == [1, 2, pd.NA]


def test_history_and_predictions_are_tidy_and_agree_with_the_metrics(trained: Trained) -> None:
    run, _ = trained
    history = run.history()
    assert history.index.names == ["arm", "seed", "epoch"]
    assert pd.api.types.is_integer_dtype(history["images"])
    assert history.xs(("ldam", 1)).index.tolist() == [1, 2]
    assert set(run.history("ldam").index.get_level_values("arm")) == {"ldam"}
    for arm, seed in run.to_frame().index:
        predictions = run.predictions(arm, seed)
        score = balanced_accuracy_score(predictions["label"], predictions["predicted"])
        assert score == pytest.approx(run.to_frame().loc[(arm, seed), "balanced_accuracy"])
        assert predictions.filter(like="p_").sum(axis=1).tolist() == pytest.approx([1.0] * len(predictions), abs=0.01)


def test_the_same_call_trains_what_is_missing_alone(trained: Trained, landsat_store: PatchStore) -> None:
    run, _ = trained
    before = {file: file.stat().st_mtime_ns for file in run.path.glob("trials/*/record.json")}
    events: list[Event] = []
    again = raysat.ablate(
        {**STUDY, "arms": {"plain": {}, "ldam": {"loss": {"kind": "ldam"}}}},
        landsat_store.path,
        out=run.path.parent,
        on_event=events.append,
    )
    assert events == [Resumed(finished=4, total=4, noun="trial")]
    assert again.is_complete
    assert {file: file.stat().st_mtime_ns for file in run.path.glob("trials/*/record.json")} == before


def test_an_opened_run_knows_its_state_settings_and_faults(trained: Trained) -> None:
    run = raysat.open_run(trained[0].path)
    assert run.outcome is None
    assert run.status().count("done") == 4
    assert run.config("ldam").loss.kind == "ldam"
    assert run.verify().whole == 4
    assert "ldam" in str(run)
    assert "<pre" in run._repr_html_()
    assert repr(run) == f"<Run {str(run.path)!r}>"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda run: run.history("ldm"), UsageError, "has no arm 'ldm'"),
        (lambda run: run.predictions("ldam", 7), UsageError, "no finished trial of seed 7"),
        (lambda run: run.config("ldm"), UsageError, "has no arm 'ldm'"),
        (lambda run: raysat.open_run(run.path / "trials"), StorageError, "is not a run"),
    ],
)
def test_what_is_not_there_is_an_error(trained: Trained, call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(trained[0])


def test_a_plan_keeps_its_number_of_workers(landsat_store: PatchStore, tmp_path: Path) -> None:
    plan = raysat.plan(STUDY, landsat_store.path, workers=2)
    with pytest.raises(UsageError, match="2 workers per trial, not 3"):
        raysat.ablate(plan, out=tmp_path, cluster=raysat.ClusterOptions(workers=3))
