"""The ledger: a record is whole or absent, whatever happens while it is written."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from raysat.atomic import aside, write_atomic, write_folder
from raysat.errors import LedgerError
from raysat.ledger import Failure, Ledger, Record, encode_history, encode_predictions, safe_name
from raysat.metrics import from_confusion, from_predictions

ID = "0123456789abcdef"


def made_up_record(trial_id: str = ID, **changes) -> Record:
    metrics = from_confusion(np.array([[8, 2], [1, 4]]))
    values = {
        "id": trial_id,
        "reported": "test",
        "metrics": {"test": metrics, "val": metrics},
        "classes": ("a", "b"),
        "epochs": 3,
        "images": 300,
        "seconds": 1.5,
        "started": 1.75e9,
        "parameters": 42,
        "versions": {"raysat": "0.1.0"},
        "hardware": {"device": "cpu", "cores": 2},
        "data": {"fingerprint": "f", "path": "store"},
    }
    return Record(**(values | changes))


def files_of(record: Record) -> dict[str, bytes]:
    return {"spec.json": b"{}", "record.json": record.model_dump_json().encode(), "model.pt": b"weights"}


def everything_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runs" / "study")


def test_a_record_is_read_as_it_was_written(ledger):
    record = made_up_record()
    assert not ledger.is_finished(ID)
    ledger.write(ID, files_of(record))
    assert ledger.is_finished(ID)
    assert ledger.read(ID) == record
    assert everything_under(ledger.root / "trials") == [ID, f"{ID}/model.pt", f"{ID}/record.json", f"{ID}/spec.json"]


def test_a_plan_is_read_as_it_was_written_and_makes_the_folder_a_run(ledger):
    with pytest.raises(LedgerError, match="not a run"):
        Ledger.open(ledger.root)
    ledger.write_plan("study: ü\n", {"study": "ü", "arms": []})
    assert Ledger.open(ledger.root).read_plan() == {"study": "ü", "arms": []}
    assert (ledger.root / "study.yaml").read_text(encoding="utf-8") == "study: ü\n"
    with pytest.raises(LedgerError) as caught:
        Ledger.open(ledger.root.parent)
    assert "holds the runs study" in caught.value.hint


def test_success_clears_an_earlier_failure(ledger):
    failure = Failure(id=ID, error="diverged", hint="lower lr", traceback="Traceback ...", time=1.75e9)
    ledger.write_failure(failure)
    assert ledger.read_failure(ID) == failure
    assert not ledger.is_finished(ID)
    ledger.write(ID, files_of(made_up_record()))
    assert ledger.read_failure(ID) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "-rf", ".hidden", "a\n", "a\0", "ü", "x" * 101]
)
def test_names_that_could_leave_the_folder_are_refused(ledger, name):
    with pytest.raises(LedgerError, match="cannot name a folder"):
        safe_name(name, "study")
    for act in (ledger.is_finished, ledger.read, ledger.read_failure, ledger.read_predictions):
        with pytest.raises(LedgerError):
            act(name)
    with pytest.raises(LedgerError):
        ledger.write(name, files_of(made_up_record()))
    with pytest.raises(LedgerError):
        ledger.write(ID, {**files_of(made_up_record()), name: b""})
    with pytest.raises(LedgerError):
        ledger.write_failure(Failure(id=name, error="x", time=0))
    assert not ledger.root.parent.exists()


def test_a_trial_without_its_record_is_refused(ledger):
    with pytest.raises(LedgerError, match=r"no record\.json"):
        ledger.write(ID, {"model.pt": b""})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b'{"id": "0123', "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "not a JSON object"),
        (b"{}", "is damaged: id: Field required"),
        (made_up_record().model_dump_json().replace('"epochs":3', '"epochs":"many"').encode(), "damaged: epochs"),
        (made_up_record().model_dump_json().replace('"icv":', '"other":').encode(), "damaged: metrics.test.icv"),
        (made_up_record().model_dump_json().replace('"reported":"test"', '"reported":"dev"').encode(), "no metrics of"),
        (made_up_record("fedcba9876543210").model_dump_json().encode(), "another trial, fedcba9876543210"),
    ],
)
def test_a_damaged_record_is_an_error_that_names_the_file_and_what_to_do(ledger, content, said):
    ledger.write(ID, {"record.json": content})
    with pytest.raises(LedgerError, match=r"record\.json") as caught:
        ledger.read(ID)
    assert said in caught.value.message
    assert caught.value.hint == f"delete {ledger.root / 'trials' / ID} and run the study again"


def test_a_damaged_failure_or_plan_names_its_file_alone(ledger):
    ledger.write_failure(Failure(id=ID, error="x", time=0))
    (ledger.root / "failures" / f"{ID}.json").write_text('{"id": 1}')
    (ledger.root / "plan.json").write_text("{")
    for act, name in ((lambda: ledger.read_failure(ID), f"{ID}.json"), (ledger.read_plan, "plan.json")):
        with pytest.raises(LedgerError) as caught:
            act()
        assert name in caught.value.message
        assert caught.value.hint.startswith("delete ")
        assert name in caught.value.hint


# ---- writes that fail midway


def fail_at(monkeypatch, calls: dict[str, object], position: int, error: BaseException) -> list[str]:
    """Let the call at a position, counted over several functions, raise. Returns the calls that were made."""
    made: list[str] = []

    def watched(name, original):
        def call(*args, **kwargs):
            made.append(name)
            if len(made) == position + 1:
                raise error
            return original(*args, **kwargs)

        return call

    for name, (owner, attribute) in calls.items():
        monkeypatch.setattr(owner, attribute, watched(name, getattr(owner, attribute)))
    return made


STEPS = {"fsync": (os, "fsync"), "rename": (Path, "rename"), "open": (Path, "open"), "mkdir": (Path, "mkdir")}
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("position", range(12))
@pytest.mark.parametrize("error", [FULL, OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("replacing", [False, True])
def test_a_write_that_fails_at_any_step_leaves_the_old_record_or_nothing(
    ledger, monkeypatch, position, error, replacing
):
    old, new = made_up_record(seconds=1.0), made_up_record(seconds=2.0)
    ledger.write("another", files_of(made_up_record("another")))
    if replacing:
        ledger.write(ID, files_of(old))
    before = everything_under(ledger.root)
    with monkeypatch.context() as patch:
        made = fail_at(patch, STEPS, position, error)
        try:
            ledger.write(ID, files_of(new))
        except (LedgerError, KeyboardInterrupt) as raised:
            failed = raised
        else:
            failed = None
    if failed is not None and not (ledger.is_finished(ID) and ledger.read(ID) == new):
        assert everything_under(ledger.root) == before
        assert ledger.is_finished(ID) == replacing
        assert not replacing or ledger.read(ID) == old
        if isinstance(failed, LedgerError):
            advice = "free some space" if error is FULL else "permissions"
            assert advice in failed.hint
            assert error.strerror in failed.message
    else:  # the steps were over, or it was the sync after the rename, or an interrupt in the tidying up
        assert ledger.read(ID) == new
        assert position >= made.index("rename")
    ledger.write(ID, files_of(new))
    assert ledger.read(ID) == new
    assert not [path for path in everything_under(ledger.root) if ".partial" in path or ".replaced" in path]


KILLED = """
import os, sys
from pathlib import Path
from raysat import atomic
point, original, count = int(sys.argv[1]), Path.rename, 0
def rename(self, target):
    global count
    if count == point:
        os._exit(9)
    count += 1
    return original(self, target)
Path.rename = rename
atomic.shutil.rmtree = lambda *_, **__: os._exit(9)
atomic.write_folder(Path(sys.argv[2]), {"record.json": Path(sys.argv[3]).read_bytes(), "model.pt": b"new"})
"""


@pytest.mark.parametrize(("point", "survivor"), [(0, 1.0), (1, 1.0), (2, 2.0)])
def test_a_kill_at_any_rename_leaves_one_whole_record(ledger, tmp_path, point, survivor):
    old, new = made_up_record(seconds=1.0), made_up_record(seconds=2.0)
    ledger.write(ID, files_of(old))
    (tmp_path / "new.json").write_bytes(new.model_dump_json().encode())
    command = [sys.executable, "-c", KILLED, str(point), str(ledger.root / "trials" / ID), str(tmp_path / "new.json")]
    assert subprocess.run(command, check=False).returncode == 9
    assert ledger.is_finished(ID)
    assert ledger.read(ID).seconds == survivor
    ledger.write(ID, files_of(new))  # the next attempt tidies up
    assert ledger.read(ID) == new
    assert everything_under(ledger.root / "trials") == [ID, f"{ID}/model.pt", f"{ID}/record.json", f"{ID}/spec.json"]


def test_a_leftover_partial_is_never_read_as_finished_and_another_trials_is_left_alone(ledger):
    trials = ledger.root / "trials"
    for name in (f".{ID}-0a1b2c3d.partial", f".{ID}-b-0a1b2c3d.partial"):
        (trials / name).mkdir(parents=True)
        (trials / name / "record.json").write_text(made_up_record().model_dump_json())
    (trials / ID).mkdir()
    assert not ledger.is_finished(ID)
    with pytest.raises(LedgerError):
        ledger.read(ID)
    ledger.write(ID, files_of(made_up_record()))
    assert ledger.is_finished(ID)
    assert sorted(path.name for path in trials.iterdir()) == [f".{ID}-b-0a1b2c3d.partial", ID]


def test_a_folder_that_cannot_be_made_is_an_error_with_advice(ledger):
    ledger.root.parent.mkdir()
    ledger.root.write_text("a file where the run should be")
    for act in (
        lambda: ledger.write(ID, files_of(made_up_record())),
        lambda: ledger.write_plan("", {}),
        lambda: ledger.write_failure(Failure(id=ID, error="x", time=0)),
    ):
        with pytest.raises(LedgerError, match="cannot be written") as caught:
            act()
        assert "permissions" in caught.value.hint


@pytest.mark.parametrize("position", range(4))
def test_an_atomic_text_that_fails_keeps_the_old_one(tmp_path, monkeypatch, position):
    path = tmp_path / "plan.json"
    write_atomic(path, "old")
    steps = {**STEPS, "replace": (Path, "replace")}
    del steps["rename"]
    with monkeypatch.context() as patch:
        made = fail_at(patch, steps, position, FULL)
        with pytest.raises(LedgerError, match="No space left"):
            write_atomic(path, "new")
    assert made[-1] == ("mkdir", "open", "fsync", "replace")[position]
    assert path.read_text() == "old"
    assert everything_under(tmp_path) == ["plan.json"]


def test_a_file_system_that_cannot_sync_folders_is_good_enough(tmp_path, monkeypatch):
    original = os.open

    def refuse_folders(path, flags, *args, **kwargs):
        if Path(path).is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        return original(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse_folders)
    write_folder(tmp_path / "trial", {"record.json": b"{}"})
    assert (tmp_path / "trial" / "record.json").read_bytes() == b"{}"
    assert not aside(tmp_path / "trial").exists()


# ---- predictions and history


@st.composite
def predictions(draw):
    """Labels, probabilities and indices; probabilities lie so near each other that float16 makes many tie."""
    n, classes = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    noise = draw(arrays(np.float32, (n, classes), elements=st.floats(-1, 1, width=32)))
    probabilities = np.float32(1 / classes) + noise * np.float32(draw(st.sampled_from([1e-5, 1e-4, 0.1])))
    return labels, probabilities, np.arange(n) * 7


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
    with pytest.raises(LedgerError, match=r"predictions\.npz") as caught:
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
    text = encode_history(rows).decode()
    assert text.splitlines()[0] == "epoch,loss,icv,recall"
    read = list(csv.DictReader(io.StringIO(text)))
    assert [(row["epoch"], float(row["loss"])) for row in read] == [("1", 0.1 + 0.2), ("2", 1 / 3)]
    assert (read[0]["icv"], float(read[1]["icv"]), read[1]["recall"]) == ("", 5e-324, "")
    assert encode_history([]) == b"\n"


def test_the_record_on_disk_is_json_that_any_tool_reads(ledger):
    ledger.write(ID, files_of(made_up_record()))
    raw = json.loads((ledger.root / "trials" / ID / "record.json").read_text())
    assert raw["metrics"]["test"]["balanced_accuracy"] == pytest.approx((0.8 + 0.8) / 2)
