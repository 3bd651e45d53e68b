"""Figures of an exported model: those of its averaged predictions, and single seeds as every report has them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from raysat.errors import StorageError, UsageError
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.exported import best_arm, measure
from raysat.storage.predictions import encode_predictions
from raysat.storage.sealed import SUMS, encode_sums

ARMS = {"plain": (0.9, 0.5, 0.5, 0.4), "good": (0.9, 0.8, 0.8, 0.7)}


def trials_of(ledger, arm):
    return [trial.id for entry in ledger.read_plan().arms if entry.name == arm for trial in entry.trials]


@pytest.mark.parametrize("seeds", [(0, 1, 2), (2, 0), (1,)])
def test_the_model_is_measured_by_its_averaged_probabilities(make_run, seeds) -> None:
    ledger = make_run(ARMS)
    found = measure(ledger, "good", seeds)
    read = [ledger.read_predictions(trials_of(ledger, "good")[seed]) for seed in seeds]
    labels = read[0].labels
    predicted = sum(one.probabilities.astype(np.float64) for one in read).argmax(axis=1)
    assert found.model["balanced_accuracy"].value == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert found.model["macro_f1"].value == pytest.approx(f1_score(labels, predicted, average="macro"))
    recall = recall_score(labels, predicted, average=None)
    assert [found.model[f"recall_{name}"].value for name in ledger.read_plan().classes] == pytest.approx(recall)
    assert (found.split, found.patches, found.support) == ("test", 50, (30, 8, 7, 5))
    for figure in found.model.values():
        assert figure.low is None or figure.low <= figure.value <= figure.high
    balanced = found.model["balanced_accuracy"]
    assert balanced.low is not None
    # Of recalls of classes of 30, 8, 7 and 5 patches: their standard errors, added as those of independent means.
    error = np.sqrt(sum(r * (1 - r) / (n - 1) for r, n in zip(recall, found.support, strict=True))) / 4
    assert (balanced.high - balanced.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.12)


def test_single_seeds_are_what_the_report_says(make_run) -> None:
    ledger = make_run(ARMS)
    found, report = measure(ledger, "good", (0,)), analyze([ledger.root])
    for metric, estimate in report.means["good"].items():
        figure = found.seeds[report.board.key(metric)]
        assert (figure.value, figure.low, figure.high) == pytest.approx((estimate.value, estimate.low, estimate.high))
    assert (found.n_seeds, found.rank, found.arms) == (3, 1, 2)
    assert best_arm(ledger) == report.best == "good"
    assert measure(ledger, "plain", (0, 1)).rank == 2


def test_one_seed_has_an_interval_over_patches_alone(make_run) -> None:
    found = measure(make_run({"only": ARMS["good"]}, seeds=(4,)), "only", (4,))
    assert found.seeds["balanced_accuracy"].low is None
    assert found.model["balanced_accuracy"].low < found.model["balanced_accuracy"].value
    assert found.model["balanced_accuracy"].value == found.seeds["balanced_accuracy"].value


def test_a_class_without_patches_has_no_recall(make_run) -> None:
    found = measure(make_run(ARMS, sizes=(30, 8, 7, 0)), "good", (0, 1))
    assert "recall_forest" not in found.model
    assert found.support == (30, 8, 7, 0)
    assert 0 < found.model["balanced_accuracy"].value <= 1


def test_seeds_of_different_patches_are_refused(make_run) -> None:
    ledger = make_run({"only": ARMS["good"]}, seeds=(0, 1))
    folder = ledger.root / "trials" / trials_of(ledger, "only")[1]
    read = ledger.read_predictions(folder.name)
    moved = encode_predictions(read.labels, read.probabilities.astype(np.float32), read.indices[::-1].copy())
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != SUMS}
    files["predictions.npz"] = moved
    for name, content in (files | {SUMS: encode_sums(files)}).items():
        (folder / name).write_bytes(content)
    with pytest.raises((StorageError, UsageError), match="patches"):
        measure(ledger, "only", (0, 1))


def test_nothing_finished_has_no_best(make_run) -> None:
    ledger = make_run({"only": ARMS["good"]}, seeds=(0,), missing=[("only", 0)])
    with pytest.raises(UsageError, match="no finished trial"):
        best_arm(ledger)
