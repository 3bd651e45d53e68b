"""Checkpoints whose checksum is right and whose content is not: they cost epochs, never a result or a process."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raysat.config.schema import Trial
from raysat.errors import TrainingError
from raysat.storage.checkpoints import Checkpoints
from raysat.training.checkpoint import decode
from raysat.training.loop import Training
from tests.helpers.training import MakeStore, config

STATE = "0123456789abcdef"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(name="training")
def _training(make_store: MakeStore) -> Training:
    training = Training(Trial(config=config(average={"kind": "ema"}), seed=0), make_store(), device=torch.device("cpu"))
    training.advance()
    return training


def saved(values: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(values, buffer, **options)
    return buffer.getvalue()


def packed(content: bytes) -> bytes:
    """The same archive, its members compressed: a few bytes may then be gigabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    return out.getvalue()


def group(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = values["optimizer"]["param_groups"][0]
    return found


def first(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = values["optimizer"]["state"][0]
    return found


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


CHANGES: dict[str, Change] = {
    "no history": lambda v: v.update(history=()),
    "an epoch of 10^9": lambda v: v.update(epoch=10**9),
    "samples of 10^400": lambda v: v.update(samples_seen=10**400),
    "a loss of NaN": lambda v: v["history"][0].update(loss=float("nan")),
    "an accuracy of 2": lambda v: v["history"][0]["metrics"].update(accuracy=2.0),
    "no matrix": lambda v: v["history"][0]["metrics"].update(confusion=()),
    "a weight less": lambda v: v["network"].popitem(),
    "a weight of another shape": lambda v: v["network"].update({next(iter(v["network"])): torch.zeros(3)}),
    "a weight of a petabyte": lambda v: v["network"].update(
        {next(iter(v["network"])): torch.zeros(1).expand(2**40, 2**10)}
    ),
    "a sparse weight": lambda v: v["network"].update({next(iter(v["network"])): torch.zeros(3).to_sparse()}),
    "an average of another shape": lambda v: next(iter(v["averages"].values()))["weights"].update(
        dict.fromkeys(next(iter(v["averages"].values()))["weights"], torch.zeros(()))
    ),
    "no optimiser": lambda v: v.update(optimizer={}),
    "an optimiser that is nested": lambda v: v.update(optimizer={"state": deep(200), "param_groups": deep(200)}),
    "groups that are numbers": lambda v: v["optimizer"].update(param_groups=[1]),
    "groups that are none": lambda v: v["optimizer"].update(param_groups=None),
    "a group of no parameters": lambda v: group(v).update(params=[]),
    "a rate that is text": lambda v: group(v).update(lr="x"),
    "a rate that is infinite": lambda v: group(v).update(lr=float("inf")),
    "another weight decay": lambda v: group(v).update(weight_decay=1.0),
    "a group more": lambda v: v["optimizer"]["param_groups"].append(dict(group(v))),
    "a moment of another shape": lambda v: first(v).update(exp_avg=torch.zeros(7)),
    "a moment that is text": lambda v: first(v).update(exp_avg="x"),
    "state of no parameter": lambda v: v["optimizer"]["state"].update({10**6: {}}),
    "state of text": lambda v: v["optimizer"]["state"].update(x={}),
}


def plain(training: Training) -> dict[str, Any]:
    values: dict[str, Any] = decode(training.state().encode()).model_dump()
    values["history"] = list(values["history"])
    return values


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_state_that_no_training_had_is_refused(training: Training, change: Change) -> None:
    values = plain(training)
    training.restore(decode(saved(values)))
    change(values)
    with pytest.raises(TrainingError, match="checkpoint") as caught:
        training.restore(decode(saved(values)))
    assert len(caught.value.message) < 600


@pytest.mark.slow
@pytest.mark.parametrize("form", ["packed", "before zip", "no dictionary", "a tensor", "ordered"])
def test_what_torch_does_not_write_is_refused(training: Training, form: str) -> None:
    values = plain(training)
    content = {
        "packed": lambda: packed(saved(values)),
        "before zip": lambda: saved(values, _use_new_zipfile_serialization=False),
        "no dictionary": lambda: saved(deep(200)),
        "a tensor": lambda: saved(torch.zeros(1).expand(2**40)),
        "ordered": lambda: saved(OrderedDict(values, more=1)),
    }[form]()
    with pytest.raises(TrainingError, match="checkpoint"):
        decode(content)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_a_state_or_one_error(training: Training, data: st.DataObject) -> None:
    content = bytearray(training.state().encode())
    head = data.draw(st.booleans())  # the pickle comes first, the weights are most of the rest
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(8_000, len(content) - 1) if head else len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    with suppress(TrainingError):
        decode(bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2]))]))


def test_a_seal_that_fits_is_all_that_the_store_asks_for(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.write(STATE, b"")
    content = b"\x80\x04cposix\nsystem\n"
    (kept.root / STATE).write_bytes(hashlib.sha256(content).digest() + content)
    assert kept.read(STATE) == content
    with pytest.raises(TrainingError, match="cannot be read"):
        decode(content)
