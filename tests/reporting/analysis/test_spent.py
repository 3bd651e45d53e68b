"""What trials took, with shared epochs counted once, against sums over the epochs that were made up."""

from __future__ import annotations

from typing import Any

import pytest

from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.spent import Spent, spent
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import PlanFile
from tests.helpers.report import write_trial

GPU = {"device": "NVIDIA H200", "threads": 4, "workers": 2, "gpus": 0.5}
CPU = {"device": "cpu", "threads": 3, "workers": 1, "gpus": 0.0}


def epochs(*seconds: float, images: int = 100) -> list[dict[str, float]]:
    """Rows of a learning curve."""
    return [
        {"epoch": k, "loss": 1.0 / took, "balanced_accuracy": 0.5, "images": images * k, "seconds": took}
        for k, took in enumerate(seconds, 1)
    ]


def run(folder: Any, trials: dict[str, tuple[list[dict[str, float]], dict[str, Any]]]) -> Spent:
    """A run with an arm of one seed for each trial."""
    ledger = Ledger(folder / "run")
    ids = {name: f"{position:016x}" for position, name in enumerate(trials)}
    plan = {
        "study": "s",
        "data": {"name": "demo"},
        "classes": ["crop_grass", "built", "water", "forest"],
        "reported": "test",
        "arms": [{"name": name, "trials": [{"seed": 7, "id": ids[name]}]} for name in trials],
    }
    ledger.write_plan("study: s\n", PlanFile.model_validate(plan))
    for name, (rows, changes) in trials.items():
        took = {"seconds": sum(row.get("seconds", 1.0) for row in rows), "epochs": len(rows), "images": 100 * len(rows)}
        write_trial(ledger, ids[name], (0.9, 0.5, 0.5, 0.5), seed=7, history=rows, **{**took, **changes})
    board = collect(ledger)
    return spent(board, read_predictions(board))


def test_epochs_that_trials_share_count_once(tmp_path: Any) -> None:
    first = epochs(10.25, 11.5, 12.125)
    forked = [*first[:2], {**first[2], "seconds": 20.75}]
    again = epochs(10.25, 11.5000001, 12.125)  # trained anew after its first epoch's checkpoint
    found = run(tmp_path, {"a": (first, {}), "b": (forked, {}), "c": (again, {})})
    assert found.seconds == pytest.approx(10.25 + 11.5 + 12.125 + 20.75 + 11.5000001)
    assert (found.epochs, found.epochs_alone, found.trials) == (5, 9, 3)
    assert (found.images, found.images_alone) == (500, 900)
    assert found.saved == pytest.approx(4 / 9)
    assert found.seconds_alone == pytest.approx(sum(row["seconds"] for rows in (first, forked, again) for row in rows))
    assert found.whole
    assert found.seeds == (7,)


def test_hours_are_those_of_devices(tmp_path: Any) -> None:
    trials = {
        "gpu": (epochs(3600.0, 1800.0), {"hardware": GPU}),
        "cpu": (epochs(7200.5), {"hardware": CPU}),
        "old": (epochs(720.0), {"hardware": {"device": "Tesla T4"}}),  # written before shares of a GPU were
    }
    found = run(tmp_path, trials)
    assert found.gpu_hours == {"NVIDIA H200": pytest.approx(1.5 * 2 * 0.5), "Tesla T4": pytest.approx(0.2)}
    assert found.core_hours == pytest.approx(7200.5 / 3600 * 3)


def test_energy_adds_up_and_says_of_how_many_epochs(tmp_path: Any) -> None:
    first = epochs(1.5, 2.5)
    trials = {
        "a": (first, {"energy": {"kwh": 0.25, "epochs": 2, "by": "meter 1"}}),
        "b": ([first[0], {**first[1], "seconds": 9.5}], {"energy": {"kwh": 0.125, "epochs": 1, "by": "meter 2"}}),
        "c": (epochs(4.5), {}),
    }
    found = run(tmp_path, trials)
    assert found.energy is not None
    assert (found.energy.kwh, found.energy.epochs, found.energy.by) == (0.375, 3, ("meter 1", "meter 2"))
    assert found.epochs == 4
    assert run(tmp_path / "none", {"c": trials["c"]}).energy is None


def test_a_trial_whose_curve_has_no_times_counts_alone(tmp_path: Any) -> None:
    bare = [{"epoch": 1, "loss": 1.0, "balanced_accuracy": 0.5}]
    found = run(tmp_path, {"a": (epochs(2.5), {}), "b": (bare, {"seconds": 30.0, "epochs": 1, "images": 70})})
    assert not found.whole
    assert (found.seconds, found.images, found.epochs) == (32.5, 170, 2)
