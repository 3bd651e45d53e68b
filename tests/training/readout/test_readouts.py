"""Readouts of real trainings: what they leave in a record is what inference predicts, and each does what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from raysat.config.families.readouts import DihedralAverage, NearestMean, NoReadout
from raysat.config.heads import LinearNeed
from raysat.config.schema import variants
from raysat.data.model_inputs import ModelInputs
from raysat.data.stats import BandStats
from raysat.data.store import PatchStore
from raysat.errors import PlanError
from raysat.inference.classifier import Classifier
from raysat.inference.export.program import Program, largest_difference, run_traced, trace
from raysat.metrics.fitted_readout import FittedReadout
from raysat.training.augment.dihedral import symmetries
from raysat.training.evaluation import posterior
from raysat.training.models.last_layer import linear_layer
from raysat.training.patches import Scale
from raysat.training.readout.apply import read_logits
from raysat.training.readout.features import FeatureSums, feature_sums, nearest_mean
from raysat.training.readout.fit import ClassWeights, Scores, fit
from raysat.training.results import TrialResult
from tests.helpers.training import MakeStore, config, run

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
COUNTS = {"train": (12, 6, 3), "val": (6, 4, 3), "test": (7, 5, 3)}
CASES: dict[str, dict[str, Any]] = {kind: {"kind": kind} for kind in variants("readout")} | {
    "tau on val": {"kind": "logit_adjustment", "tau": None},
    "tau of 1": {"kind": "tau_norm", "tau": 1},
    "shares": {"kind": "prior", "shares": [0.2, 0.3, 0.5]},
}

PARTS: dict[str, dict[str, Any]] = {
    "focal": {"loss": {"kind": "focal"}},
    "ldam": {"loss": {"kind": "ldam"}, "model": {"stem": "adapter"}},
}


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store(COUNTS)


def restored(result: TrialResult, store: PatchStore, **parts: Any) -> Classifier:
    inputs = ModelInputs.of(store, store.bands)
    return Classifier.restore(config(**parts), inputs, store.classes, result.state_dict, CPU, result.readout)


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("case", CASES)
def test_inference_and_programs_predict_what_the_result_holds(
    store: PatchStore, case: str, parts: dict[str, Any]
) -> None:
    parts = {**parts, "readout": CASES[case], "optim": {"epochs": 1}}
    _, result = run(config(**parts), store)
    model = restored(result, store, **parts)
    found = model.probabilities(store.images[result.indices])
    assert found.tobytes() == result.probabilities.tobytes()
    if parts["loss"]["kind"] == "ldam":  # once for each readout: tracing takes a second
        program = Program([model])
        assert largest_difference(program, model.inputs, run_traced(trace(program, model.inputs))) < 1e-5
    kept = None if result.readout is None else FittedReadout.model_validate_json(result.readout.model_dump_json())
    assert kept == result.readout


def test_readouts_change_what_they_say_and_no_more(store: PatchStore) -> None:
    found = {case: run(config(readout=CASES[case], optim={"epochs": 1}), store)[1] for case in CASES}
    plain = found["none"]
    for case, result in found.items():
        assert (result.readout is None) == (case == "none")
        same = all(torch.equal(value, result.state_dict[name]) for name, value in plain.state_dict.items())
        assert same == (case != "nearest_mean")
        if case not in ("tau on val", "thresholds"):  # which may choose to change nothing
            assert np.array_equal(result.probabilities, plain.probabilities) == (case == "none")
        assert result.history[-1].metrics == plain.history[-1].metrics
    assert found["temperature"].metrics == plain.metrics
    val = {case: result.metrics["val"].balanced_accuracy for case, result in found.items()}
    assert val["thresholds"] >= val["none"]
    assert val["tau on val"] >= val["none"]
    shares = np.array(COUNTS["train"]) / sum(COUNTS["train"])
    expected = plain.probabilities / shares
    expected /= expected.sum(axis=1, keepdims=True)
    for case in ("logit_adjustment", "prior"):  # with tau of 1 they are one
        np.testing.assert_allclose(found[case].probabilities, expected, atol=1e-5)
    thresholds = found["thresholds"].readout
    assert thresholds is not None
    assert list(thresholds.chosen) == list(store.classes)


@pytest.mark.parametrize("loss", ["balanced_softmax", "logit_adjustment"])
def test_what_a_loss_has_adjusted_is_not_taken_off_twice(store: PatchStore, loss: str) -> None:
    parts = {"loss": {"kind": loss}, "optim": {"epochs": 1}}
    _, plain = run(config(**parts), store)
    _, adjusted = run(config(**parts, readout={"kind": "logit_adjustment"}), store)
    np.testing.assert_allclose(adjusted.probabilities, plain.probabilities, atol=1e-6)


@given(st.integers(0, 7), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_dihedral_average_does_not_change_with_a_symmetry_of_the_patch(number: int, square: bool) -> None:
    torch.manual_seed(number)
    patches = torch.randn(4, 1, 6, 6 if square else 4)
    network = nn.Sequential(nn.Flatten(), nn.Linear(patches[0].numel(), 3)).eval()
    views = symmetries(patches)
    assert len(views) == (8 if square else 4)
    scale = Scale.from_stats([BandStats(mean=0.0, std=1.0, low=-1.0, high=1.0)], CPU)
    read = posterior(config(), network, scale, classes=3, readout=FittedReadout(kind="dihedral", dihedral=True))
    with torch.no_grad():
        torch.testing.assert_close(read(views[number % len(views)].contiguous()), read(patches))


@given(st.floats(-50, 50, width=32), st.integers(2, 6))
def test_offsets_that_are_constant_change_nothing(by: float, classes: int) -> None:
    logits = torch.randn(5, classes, generator=torch.Generator().manual_seed(classes))
    readout = FittedReadout(kind="prior", offset=(by,) * classes)
    expected = logits.softmax(dim=1)
    torch.testing.assert_close(read_logits(readout, logits).softmax(dim=1), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("classifier", [nn.Linear(4, 2, bias=False), nn.Conv2d(4, 2, 1), nn.Identity()])
def test_a_network_without_a_linear_classifier_is_refused(classifier: nn.Module) -> None:
    network = nn.Sequential(classifier)
    network.get_classifier = lambda: classifier  # type: ignore[assignment]
    with pytest.raises(PlanError, match="tau_norm needs a model that ends with a linear classifier with biases"):
        linear_layer(network, "mine", LinearNeed.of_readout("tau_norm"))


def test_features_that_are_no_vector_are_refused() -> None:
    classifier = nn.Linear(4, 2)
    with pytest.raises(PlanError, match="one vector for each patch"):
        feature_sums(classifier, classifier, [(torch.zeros(3, 5, 4), torch.zeros(3))], classes=2)
    assert not classifier._forward_pre_hooks


def test_features_that_are_all_the_same_give_finite_scores() -> None:
    features = torch.ones(6, 3, dtype=torch.float64)
    own = torch.eye(2, dtype=torch.float64).repeat(3, 1)
    sums = FeatureSums(counts_K=own.sum(dim=0), sums_KD=own.T @ features, products_DD=features.T @ features)
    for value in nearest_mean(sums):
        assert torch.isfinite(value.float()).all()


def test_far_apart_scores_and_classes_without_weights_give_finite_numbers() -> None:
    labels, logits = np.array([0, 1, 0, 1]), np.array([[5e3, 0], [4e3, 0], [6e3, 0], [-3e3, 0]], np.float32)
    val = Scores(labels=labels, logits=logits)
    classifier = ClassWeights(lengths_K=np.array([1.0, 0.0]), biases_K=np.array([0.1, 0.2]))
    for kind in ("thresholds", "tau_norm", "temperature"):
        readout = config(readout={"kind": kind}).readout
        assert not isinstance(readout, NoReadout | NearestMean | DihedralAverage)
        fitted = fit(
            readout, classes=("a", "b"), prior_K=np.full(2, 0.5), val=lambda: val, classifier=lambda: classifier
        )
        assert torch.isfinite(read_logits(fitted, torch.from_numpy(logits)).softmax(dim=1)).all()
