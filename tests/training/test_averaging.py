"""SWA and EMA: the averages themselves, and batch norm from training data."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from raysat.config.families.learning import Ema, Swa
from raysat.training.averaging import WeightAverage
from raysat.training.batch_norm import estimate


def small_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3))


def shaken(network: nn.Module) -> list[np.ndarray]:
    """Give a network other weights; return a copy of them."""
    for parameter in network.parameters():
        parameter.data.normal_()
    return weights(network)


def weights(network: nn.Module) -> list[np.ndarray]:
    return [parameter.detach().numpy().copy() for parameter in network.parameters()]


def test_swa_is_the_plain_mean_of_the_snapshots() -> None:
    torch.manual_seed(0)
    network = small_network()
    average, seen = WeightAverage(Swa(start=0.4, every=0.2), network, epochs=10), []
    for epoch in range(1, 11):
        for _ in range(3):
            found = shaken(network)
            average.after_step(network)
        average.after_epoch(network, epoch)
        if epoch in (4, 6, 8, 10):
            seen.append(found)
    assert average.updates == 4
    for one, snapshots in zip(weights(average.network), zip(*seen, strict=True), strict=True):
        np.testing.assert_allclose(one, np.mean(snapshots, axis=0), rtol=1e-5, atol=1e-6)


@given(decay=st.floats(0.05, 0.9999), steps=st.integers(1, 60))
@settings(max_examples=30)
def test_ema_is_tensorflows_moving_average(decay: float, steps: int) -> None:
    """``tf.train.ExponentialMovingAverage``: shadow -= (1 - d) * (shadow - variable)."""
    torch.manual_seed(steps)
    network = nn.Linear(4, 3)
    average, shadow = WeightAverage(Ema(decay=decay), network, epochs=1), weights(network)
    for num_updates in range(steps):
        d = min(decay, (1 + num_updates) / (10 + num_updates))
        shadow = [one - (1 - d) * (one - variable) for one, variable in zip(shadow, shaken(network), strict=True)]
        average.after_step(network)
        average.after_epoch(network, num_updates + 1)  # an epoch's end is nothing special
    for found, one in zip(weights(average.network), shadow, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)


def test_ema_after_its_rise_is_torchs() -> None:
    torch.manual_seed(0)
    network = small_network()
    average = WeightAverage(Ema(decay=0.9), network, epochs=1)
    for _ in range(81):  # (1 + 81) / (10 + 81) is above 0.9
        shaken(network)
        average.after_step(network)
    theirs = AveragedModel(average.network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    theirs.update_parameters(average.network)  # its first update copies
    for _ in range(20):
        shaken(network)
        average.after_step(network)
        theirs.update_parameters(network)
    torch.testing.assert_close(dict(average.network.named_parameters()), dict(theirs.module.named_parameters()))


def test_a_short_run_does_not_read_out_its_random_start() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(1e3)  # the start
    average = WeightAverage(Ema(decay=0.9999), network, epochs=1)
    for step in range(1, 31):
        network.weight.data.fill_(step)
        average.after_step(network)
    assert average.network.weight.item() == pytest.approx(30 * 0.9, rel=0.05)  # a tenth of the run old


@pytest.mark.parametrize("member", [Swa(), Ema()])
def test_batch_norm_is_that_of_the_averaged_network_on_the_batches_given(member: Swa | Ema) -> None:
    torch.manual_seed(0)
    network = small_network()
    network(torch.randn(16, 2, 6, 6) * 9 + 5)  # running statistics that must not survive
    average = WeightAverage(member, network, epochs=1)
    shaken(network)
    average.after_step(network)
    average.after_epoch(network, 1)
    batches = [torch.randn(8, 2, 6, 6) * (k + 1) for k in range(3)]
    result = average.result(network, partial(estimate, batches=iter(batches)))
    assert isinstance(result, nn.Sequential)
    with torch.no_grad():
        inner = [result[0](each).transpose(0, 1).flatten(1).numpy() for each in batches]
    np.testing.assert_allclose(
        result[1].running_mean, np.mean([x.mean(axis=1) for x in inner], axis=0), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        result[1].running_var, np.mean([x.var(axis=1, ddof=1) for x in inner], axis=0), rtol=1e-4
    )
    assert result[1].momentum == 0.1
    assert not result.training


def test_a_network_without_batch_norm_reads_no_batch() -> None:
    network = nn.Linear(2, 2)
    network.register_buffer("seen", torch.zeros(2, dtype=torch.int64))
    average = WeightAverage(Swa(), copy.deepcopy(network), epochs=1)
    average.after_epoch(network, 1)
    network.seen += 5

    def never():
        raise AssertionError("no batch is needed")
        yield

    result = average.result(network, partial(estimate, batches=never()))
    torch.testing.assert_close(result.state_dict(), network.state_dict())


def test_the_average_is_its_own_copy_in_the_same_memory_layout() -> None:
    network = small_network().to(memory_format=torch.channels_last)
    average = WeightAverage(Ema(), network, epochs=1)
    before = weights(network)
    average.after_step(network)
    for one, other in zip(average.network.parameters(), network.parameters(), strict=True):
        assert one.data_ptr() != other.data_ptr()
        assert one.stride() == other.stride()
        assert one.requires_grad == other.requires_grad
    np.testing.assert_equal(weights(network), before)
