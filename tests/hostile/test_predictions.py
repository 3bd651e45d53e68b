"""Predictions that no model makes, and archives that lie of what they hold: one error, before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from raysat.storage.ledger import Ledger
from tests.helpers.hostile import A, Raysat, assert_refused
from tests.helpers.ledger import reseal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def npz(**changes: object) -> bytes:
    arrays = {"labels": np.zeros(4, np.uint8), "predicted": np.zeros(4, np.uint8), "indices": np.arange(4)}
    arrays |= {"probabilities": np.tile(np.array([0.75, 0.25], np.float16), (4, 1))}
    out = io.BytesIO()
    np.savez_compressed(out, **{key: value for key, value in (arrays | changes).items() if value is not None})  # type: ignore[arg-type]
    return out.getvalue()


def member(name: str, content: bytes, **changes: object) -> bytes:
    """An archive with one member in place of another, whose entry says something else than it holds."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(npz())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info))
        for key, value in changes.items():
            setattr(new.getinfo(name), key, value)
    return out.getvalue()


def header(shape: str, descr: str = "|u1", order: str = "False") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def twice() -> bytes:
    out = io.BytesIO(npz())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(out, "a") as archive:
        archive.writestr("labels.npy", b"")
    return out.getvalue()


HALF = np.full((4, 2), 0.5, np.float16)
PREDICTIONS: dict[str, Callable[[], bytes]] = {  # made when their tests run: finding tests stays fast
    "labels of no axis": lambda: npz(labels=np.uint8(0)),
    "labels of two axes": lambda: npz(labels=np.zeros((4, 1), np.uint8)),
    "labels that are text": lambda: npz(labels=np.array(list("abcd"))),
    "labels below 0": lambda: npz(labels=np.full(4, -1, np.int8)),
    "labels of a structured type": lambda: npz(labels=np.zeros(4, "u1,u1")),
    "labels that are times": lambda: npz(labels=np.zeros(4, "M8[s]")),
    "labels that are objects": lambda: npz(labels=np.array([{}] * 4, object)),
    "labels outside the classes": lambda: npz(labels=np.full(4, 2, np.uint8)),
    "probabilities that are text": lambda: npz(probabilities=np.array([["a", "b"]] * 4)),
    "probabilities of 2": lambda: npz(probabilities=HALF * 4),
    "probabilities of -1": lambda: npz(probabilities=np.tile(np.array([2, -1], np.float16), (4, 1))),
    "probabilities all 0": lambda: npz(probabilities=HALF * 0),
    "probabilities of 0.3 and 0.3": lambda: npz(probabilities=np.full((4, 2), 0.3, np.float16)),
    "NaN": lambda: npz(probabilities=HALF * np.float16("nan")),
    "infinite": lambda: npz(probabilities=HALF * np.float16("inf")),
    "no class": lambda: npz(probabilities=np.zeros((4, 0), np.float16)),
    "no patch": lambda: npz(
        **{key: np.zeros(0, np.uint8) for key in ("labels", "predicted")},
        indices=np.zeros(0, np.int64),
        probabilities=np.zeros((0, 2), np.float16),
    ),
    "not the most probable": lambda: npz(predicted=np.ones(4, np.uint8)),
    "a patch twice": lambda: npz(indices=np.zeros(4, np.int64)),
    "a patch of -1": lambda: npz(indices=np.arange(4) - 1),
    "three patches": lambda: npz(indices=np.arange(3)),
    "an array more": lambda: npz(more=np.zeros(1)),
    "an array less": lambda: npz(predicted=None),
    "a path": lambda: member("labels.npy", b"").replace(b"labels.npy", b"../bel.npy"),
    "373 GiB in its header": lambda: member("labels.npy", header("(400000000000,)")),
    "373 GiB in its entry": lambda: member("labels.npy", header("(4,)") + b"abcd", file_size=400_000_000_000),
    "zeros by the gigabyte": lambda: member("labels.npy", header("(4,)") + bytes(300 << 20)),
    "encrypted": lambda: member("labels.npy", header("(4,)") + b"abcd", flag_bits=1),
    "an expression": lambda: member("labels.npy", header("(__import__('os').getpid(),)")),
    "a negative shape": lambda: member("labels.npy", header("(-4,)")),
    "no header": lambda: member("labels.npy", b"PK\x03\x04"),
    "a wrong check sum": lambda: member("labels.npy", header("(4,)") + bytes(4), CRC=1),
    "twice": twice,
    "a pickle": lambda: b"\x80\x04cposix\nsystem\n",
    "nothing": lambda: b"",
    "half": lambda: npz()[:200],
}


@pytest.mark.parametrize("content", PREDICTIONS.values(), ids=PREDICTIONS)
def test_predictions_that_no_model_makes_are_one_error(
    raysat: Raysat, run: Ledger, content: Callable[[], bytes]
) -> None:
    reseal(run, A, {"predictions.npz": content()})
    assert_refused(raysat("report", run.root, "--format", "csv"), 2, "predictions.npz is damaged")
    found = raysat("ledger", "verify", run.root)
    assert (found.code, found.err) == (1, "")
    assert "predictions.npz is damaged" in " ".join(found.out.split())
    assert not (run.root / "report").exists()
