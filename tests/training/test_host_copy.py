"""A state in host memory: equal to the live one as it was, whatever training does meanwhile."""

import pytest
import torch

from raysat.config.schema import Trial
from raysat.training.checkpoint import TrainingState, decode
from raysat.training.host_copy import HostCopy
from raysat.training.loop import Training
from tests.helpers.training import MakeStore, config


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_it_is_the_state_as_it_was(make_store: MakeStore, name: str) -> None:
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no GPU")
    trial = Trial(config=config(average={"kind": "ema"}, optim={"epochs": 4}), seed=0)
    training = Training(trial, make_store(), device=torch.device(name))
    for _ in range(2):
        training.advance()
        before = decode(training.state().encode())
        copy = HostCopy.of(training.state())
        training.advance()
        assert_equal(copy.state(), before)
        assert copy.epoch == before.epoch == training.epoch - 1
        assert copy.nbytes == sum(value.nbytes for value in tensors(before))


def tensors(state: TrainingState) -> list[torch.Tensor]:
    moments = [value for kept in state.optimizer["state"].values() for value in kept.values()]
    averages = [value for average in state.averages.values() for value in average.weights.values()]
    return [*state.network.values(), *moments, *averages]


def assert_equal(state: TrainingState, other: TrainingState) -> None:
    assert (state.epoch, state.samples_seen, state.history) == (other.epoch, other.samples_seen, other.history)
    assert state.optimizer["param_groups"] == other.optimizer["param_groups"]
    pairs = list(zip(tensors(state), tensors(other), strict=True))
    assert all(torch.equal(mine, its) and mine.stride() == its.stride() for mine, its in pairs)
