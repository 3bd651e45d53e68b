"""Metrics against scikit-learn and against formulas written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import metrics as sk

from raysat.metrics.confusion import Metrics, confusion_matrix, from_confusion, from_predictions, harmonic_mean


@st.composite
def outcomes(draw, most_classes=6):
    """Labels and predictions of K classes; some classes may have no patch or never be predicted."""
    classes = draw(st.integers(2, most_classes))
    pairs = draw(st.lists(st.tuples(*[st.integers(0, classes - 1)] * 2), min_size=1, max_size=60))
    labels, predicted = np.array(pairs, dtype=np.uint8).T
    return labels, predicted, classes


@pytest.mark.slow
@settings(deadline=None)  # scikit-learn warms up
@given(outcomes())
def test_all_metrics_equal_scikit_learn(case):
    labels, predicted, classes = case
    ours = from_confusion(confusion_matrix(labels, predicted, classes))
    every, present = np.arange(classes), np.unique(labels)
    np.testing.assert_array_equal(ours.confusion, sk.confusion_matrix(labels, predicted, labels=every))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0
    )
    for k in range(classes):
        expected = (recall[k], precision[k], f1[k]) if support[k] else (None, None, None)
        assert (ours.recall[k], ours.precision[k], ours.f1[k]) == pytest.approx(expected)
    assert ours.n == len(labels)
    assert ours.accuracy == pytest.approx(sk.accuracy_score(labels, predicted))
    assert ours.balanced_accuracy == pytest.approx(sk.recall_score(labels, predicted, labels=present, average="macro"))
    assert ours.macro_f1 == pytest.approx(
        sk.f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    )
    if len(present) == classes:  # where one is absent, scikit-learn says the same with a warning
        assert ours.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(labels, predicted))


@given(outcomes())
def test_icv_is_the_sum_of_squared_gaps_between_accuracy_and_recall(case):
    labels, predicted, classes = case
    ours = from_confusion(confusion_matrix(labels, predicted, classes))
    accuracy = sum(int(a == b) for a, b in zip(labels, predicted, strict=True)) / len(labels)
    total = 0.0
    for k in set(labels.tolist()):
        of_class = [int(p) for label, p in zip(labels, predicted, strict=True) if label == k]
        total += (accuracy - of_class.count(k) / len(of_class)) ** 2
    assert ours.icv == pytest.approx(total, abs=1e-12)
    assert ours.icv_root == pytest.approx(math.sqrt(total), abs=1e-7)


@given(outcomes())
def test_the_metrics_agree_with_each_other(case):
    labels, predicted, classes = case
    ours = from_confusion(confusion_matrix(labels, predicted, classes))
    support = np.bincount(labels, minlength=classes)
    recall = np.array([value for value in ours.recall if value is not None])
    assert ours.accuracy == pytest.approx(np.average(recall, weights=support[support > 0]))
    # Steiner: the spread about accuracy is the spread about the mean recall, and the gap between the two.
    spread = recall.var() * len(recall) + len(recall) * (ours.accuracy - ours.balanced_accuracy) ** 2
    assert ours.icv == pytest.approx(spread, abs=1e-12)
    assert sum(map(sum, ours.confusion)) == ours.n


@given(outcomes(), st.randoms())
def test_class_names_and_the_order_of_patches_do_not_matter(case, random):
    labels, predicted, classes = case
    renamed, order = list(range(classes)), list(range(len(labels)))
    random.shuffle(renamed)
    random.shuffle(order)
    ours = from_confusion(confusion_matrix(labels, predicted, classes))
    renaming = np.array(renamed)
    other = from_confusion(confusion_matrix(renaming[labels[order]], renaming[predicted[order]], classes))
    for name in ("accuracy", "balanced_accuracy", "icv", "macro_f1"):
        assert getattr(other, name) == pytest.approx(getattr(ours, name), abs=1e-12)
    assert other.recall == tuple(ours.recall[renamed.index(k)] for k in range(classes))


def test_a_worked_example():
    """Class 0: 8 of 10 right, class 1: 1 of 2; accuracy 9/12."""
    ours = from_confusion(np.array([[8, 2], [1, 1]]))
    assert ours.recall == pytest.approx((0.8, 0.5))
    assert ours.precision == pytest.approx((8 / 9, 1 / 3))
    assert ours.accuracy == pytest.approx(0.75)
    assert ours.balanced_accuracy == pytest.approx(0.65)
    assert ours.icv == pytest.approx(0.05**2 + 0.25**2)
    assert ours.macro_f1 == pytest.approx((16 / 19 + 2 / 5) / 2)


def test_accuracy_rewards_neglect_of_the_rare_class_and_the_ranking_metrics_do_not():
    neglect = from_confusion(np.array([[95, 0], [5, 0]]))
    fair = from_confusion(np.array([[86, 9], [1, 4]]))
    assert neglect.accuracy > fair.accuracy
    assert neglect.balanced_accuracy < fair.balanced_accuracy
    assert neglect.icv > fair.icv


def test_a_class_without_patches_is_none_and_left_out_of_means():
    ours = from_confusion(np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2]]))
    assert ours.recall == (0.75, None, 0.5)
    assert ours.precision[1] is None
    assert ours.f1[1] is None
    assert ours.balanced_accuracy == pytest.approx(0.625)
    assert ours.icv == pytest.approx((5 / 8 - 0.75) ** 2 + (5 / 8 - 0.5) ** 2)


def test_a_class_never_predicted_has_precision_and_f1_zero():
    ours = from_confusion(np.array([[4, 0], [3, 0]]))
    assert (ours.recall[1], ours.precision[1], ours.f1[1]) == (0.0, 0.0, 0.0)
    assert ours.macro_f1 == pytest.approx(2 * (4 / 7) / (1 + 4 / 7) / 2)


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 2), min_size=1))
def test_harmonic_mean_is_the_reciprocal_of_the_mean_reciprocal(pairs):
    a, b = np.array(pairs).T / 50
    expected = [2 / (1 / x + 1 / y) if x > 0 and y > 0 else 0.0 for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(harmonic_mean(a, b), expected)


def test_from_predictions_takes_the_most_probable_class():
    labels = np.array([0, 1, 2, 2], dtype=np.uint8)
    probabilities = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3]], dtype=np.float32)
    assert from_predictions(labels, probabilities).confusion == ((1, 0, 0), (1, 0, 0), (0, 1, 1))


@pytest.mark.parametrize(
    ("labels", "predicted", "said"),
    [
        ([0, 1], [0, 2], "predictions lie in 0..2, outside 0..1"),  # would be counted as a patch of the next class
        ([0, 2], [0, 1], "labels lie in 0..2"),
        ([0, -1], [0, 1], "labels lie in -1..0"),
        ([0, 1], [0], "differ in shape"),
        ([[0, 1]], [[0, 1]], "differ in shape"),
    ],
)
def test_classes_outside_the_matrix_are_refused(labels, predicted, said):
    with pytest.raises(ValueError, match=said):
        confusion_matrix(np.array(labels), np.array(predicted), 2)


def test_nothing_to_evaluate_and_numbers_not_finite_are_refused():
    with pytest.raises(ValueError, match="no patch"):
        from_confusion(np.zeros((3, 3), dtype=np.int64))
    with pytest.raises(ValueError, match="not all finite"):
        from_predictions(np.array([0]), np.array([[np.nan, 0.5]]))


def test_metrics_survive_json_and_refuse_nan():
    ours = from_confusion(np.array([[3, 1, 0], [0, 0, 0], [1, 2, 7]]))
    assert Metrics.model_validate_json(ours.model_dump_json()) == ours
    with pytest.raises(ValidationError):
        Metrics.model_validate({**ours.model_dump(), "icv": math.nan})
