"""Predictions and history: what is stored gives the metrics of the record again, exactly."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from raysat.errors import StorageError
from raysat.formatting import to_csv
from raysat.metrics.confusion import from_confusion, from_predictions
from raysat.storage.ledger import Ledger
from raysat.storage.predictions import encode_predictions
from tests.helpers.ledger import ID, files_of, made_up_record


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runs" / "study")


@st.composite
def predictions(draw):
    """Labels, probabilities and indices; probabilities lie so near each other that float16 makes many tie."""
    n, classes = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    noise = draw(arrays(np.float32, (n, classes), elements=st.floats(-1, 1, width=32)))
    probabilities = np.float32(1 / classes) + noise * np.float32(draw(st.sampled_from([1e-5, 1e-4, 0.1])))
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True), np.arange(n) * 7


@settings(deadline=None)  # times vary on a busy machine
@given(predictions())
def test_metrics_recomputed_from_predictions_equal_those_of_the_record(case):
    labels, probabilities, indices = case
    with np.load(io.BytesIO(encode_predictions(labels, probabilities, indices)), allow_pickle=False) as saved:
        assert {key: saved[key].dtype.name for key in saved} == {
            "labels": "uint8",
            "predicted": "uint8",
            "probabilities": "float16",
            "indices": "int64",
        }
        again = from_confusion(
            np.array(
                [
                    [np.sum((saved["labels"] == i) & (saved["predicted"] == j)) for j in range(probabilities.shape[1])]
                    for i in range(probabilities.shape[1])
                ]
            )
        )
    assert again == from_predictions(labels, probabilities)


def test_rounded_probabilities_alone_would_not_do():
    """Two classes that differ in float32 tie in float16: why the predicted class is stored too."""
    labels, probabilities = np.array([1]), np.array([[0.49999, 0.50001]], dtype=np.float32)
    assert from_predictions(labels, probabilities).accuracy == 1
    assert from_predictions(labels, probabilities.astype(np.float16)).accuracy == 0


def test_predictions_of_a_trial_are_read_as_they_were_written(ledger):
    rng = np.random.default_rng(0)
    labels, indices = rng.integers(0, 4, 200), rng.permutation(5000)[:200]
    probabilities = rng.dirichlet(np.ones(4) / 4, 200).astype(np.float32)
    record = made_up_record(metrics={"test": from_predictions(labels, probabilities)}, classes=tuple("abcd"))
    packed = encode_predictions(labels, probabilities, indices)
    assert packed == encode_predictions(labels, probabilities, indices)
    ledger.write(ID, {**files_of(record), "predictions.npz": packed})
    read = ledger.read_predictions(ID)
    np.testing.assert_array_equal(read.labels, labels)
    np.testing.assert_array_equal(read.indices, indices)
    np.testing.assert_array_equal(read.predicted, probabilities.argmax(axis=1))
    np.testing.assert_allclose(read.probabilities, probabilities, rtol=2**-11, atol=2**-24)
    assert read.metrics() == ledger.read(ID).metrics["test"]


def repack(**changes) -> bytes:
    arrays_ = {"labels": np.zeros(3, np.uint8), "predicted": np.zeros(3, np.uint8), "indices": np.arange(3)}
    arrays_ |= {"probabilities": np.ones((3, 2), np.float16)} | changes
    buffer = io.BytesIO()
    np.savez(buffer, **{key: value for key, value in arrays_.items() if value is not None})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"not a zip",
        repack()[:-40],
        repack()[: len(repack()) // 2],
        repack(predicted=None),
        repack(labels=np.zeros(2, np.uint8)),
        repack(probabilities=np.ones(3, np.float16)),
        repack(labels=np.array([{}, {}, {}], dtype=object)),
    ],
)
def test_damaged_predictions_are_an_error(ledger, content):
    files = files_of(made_up_record()) | ({} if content is None else {"predictions.npz": content})
    ledger.write(ID, files)
    with pytest.raises(StorageError, match=r"predictions\.npz") as caught:
        ledger.read_predictions(ID)
    assert "run the study again" in caught.value.hint


@pytest.mark.parametrize(
    ("labels", "probabilities", "indices", "said"),
    [
        (np.array([0, 1]), np.ones((3, 2)), np.arange(3), "differ"),
        (np.array([0, 1]), np.ones((2, 2)), np.arange(3), "differ"),
        (np.array([0, 1]), np.ones(2), np.arange(2), "differ"),
        (np.array([0, 2]), np.ones((2, 2)), np.arange(2), r"0\.\.1"),
        (np.array([0, -1]), np.ones((2, 2)), np.arange(2), r"0\.\.1"),
        (np.array([0]), np.ones((1, 257)), np.arange(1), "256"),
        (np.array([0]), np.array([[np.inf, 0.0]]), np.arange(1), "finite"),
    ],
)
def test_predictions_that_cannot_be_stored_are_refused(labels, probabilities, indices, said):
    with pytest.raises(ValueError, match=said):
        encode_predictions(labels, probabilities, indices)


def test_history_keeps_every_digit_and_column():
    rows = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": np.float64(1) / 3, "icv": 5e-324, "recall": None}]
    text = to_csv(rows)
    assert text.splitlines()[0] == "epoch,loss,icv,recall"
    read = list(csv.DictReader(io.StringIO(text)))
    assert [(row["epoch"], float(row["loss"])) for row in read] == [("1", 0.1 + 0.2), ("2", 1 / 3)]
    assert (read[0]["icv"], float(read[1]["icv"]), read[1]["recall"]) == ("", 5e-324, "")
    assert to_csv([]) == "\n"
