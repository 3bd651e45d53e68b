"""Checkpoints: written and read back whole; a damaged, hostile or older one is refused with a clear line."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from raysat.config.schema import Trial
from raysat.errors import TrainingError
from raysat.training.checkpoint import decode
from raysat.training.loop import Training
from tests.helpers.training import MakeStore, config

CPU = torch.device("cpu")


@pytest.fixture(name="training")
def _training(make_store: MakeStore) -> Training:
    training = Training(Trial(config=config(average={"kind": "ema"}), seed=0), make_store(), device=CPU)
    training.advance()
    return training


def saved(values: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()


def test_what_is_read_is_what_was_written(training: Training) -> None:
    state, again = training.state(), decode(training.state().encode())
    assert (again.epoch, again.samples_seen, again.history) == (1, 42, state.history)
    assert again.network.keys() == state.network.keys()
    assert all(torch.equal(value, again.network[name]) for name, value in state.network.items())
    for name, average in state.averages.items():
        assert again.averages[name].updates == average.updates == 6
        assert all(torch.equal(value, again.averages[name].weights[key]) for key, value in average.weights.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": "1"}, "epoch: "),
        ({"epoch": -1}, "epoch: "),
        ({"samples_seen": None}, "samples_seen: "),
        ({"network": {"weight": 1.0}}, "network.weight: "),
        ({"averages": {"ema": {"updates": 1}}}, "averages.ema.weights: "),
        ({"history": ({"epoch": 1},)}, "history.0.epochs: "),
        ({"more": 1}, "more: "),
    ],
)
def test_another_layout_is_refused_by_its_place(training: Training, change: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=f"not one of this raysat: {message}"):
        decode(saved(training.state().model_dump() | change))


def test_a_checkpoint_of_before_is_refused(training: Training) -> None:
    """Then it was a dictionary with the counter ``images``."""
    old = training.state().model_dump()
    old["images"] = old.pop("samples_seen")
    with pytest.raises(TrainingError, match="not one of this raysat: samples_seen: "):
        decode(saved(old))


def test_bytes_that_are_no_checkpoint_are_refused(training: Training) -> None:
    content = training.state().encode()
    for bad in (b"", b"damaged", content[: len(content) // 2], content[:-100] + bytes(100)):
        with pytest.raises(TrainingError, match="cannot be read"):
            decode(bad)
    with pytest.raises(TrainingError, match="not one of this raysat"):
        decode(saved([1, 2]))


class _Hostile:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_nothing_is_executed(training: Training, tmp_path: Path) -> None:
    values = training.state().model_dump() | {"optimizer": _Hostile(tmp_path / "executed")}
    for content in (saved(values), pickle.dumps(values, protocol=2)):
        with pytest.raises(TrainingError, match="cannot be read"):
            decode(content)
    assert not list(tmp_path.glob("executed"))


def test_a_state_of_another_network_is_refused(training: Training, make_store: MakeStore) -> None:
    other = Training(
        Trial(config=config(model={"name": "test_efficientnet"}, average={"kind": "ema"}), seed=0),
        make_store(name="other"),
        device=CPU,
    )
    with pytest.raises(TrainingError, match="does not fit the trial"):
        other.restore(training.state())


def test_a_state_without_the_trials_average_is_refused(training: Training) -> None:
    with pytest.raises(TrainingError, match="does not fit the trial"):
        training.restore(training.state().model_copy(update={"averages": {}}))
