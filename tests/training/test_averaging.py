"""SWA: which epochs, the average itself, and batch norm from training data."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from raysat.spec import NoAverage, Swa
from raysat.training.averaging import WeightAverage, snapshot_epochs


@pytest.mark.parametrize(
    ("swa", "epochs", "expected"),
    [
        (Swa(), 40, {10, 15, 20, 25, 30, 35, 40}),
        (Swa(), 8, {2, 3, 4, 5, 6, 7, 8}),
        (Swa(), 1, {1}),
        (Swa(start=0.5, every=0.3), 10, {5, 8, 10}),
        (Swa(start=1.0), 12, {12}),
        (Swa(start=0.0, every=0.5), 4, {1, 2, 4}),
        (Swa(start=0.5, every=1e-9), 6, {3, 4, 5, 6}),
        (NoAverage(), 40, set()),
    ],
)
def test_snapshots_are_at_the_ends_of_the_nearest_epochs(swa: Swa, epochs: int, expected: set[int]) -> None:
    assert snapshot_epochs(swa, epochs) == expected


@given(start=st.floats(0, 1), every=st.floats(0, 1, exclude_min=True), epochs=st.integers(1, 60))
def test_snapshots_lie_in_training_and_hold_its_end(start: float, every: float, epochs: int) -> None:
    found = snapshot_epochs(Swa(start=start, every=every), epochs)
    assert epochs in found
    assert found <= set(range(1, epochs + 1))


def small_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3))


def test_the_average_is_the_plain_mean_of_the_snapshots() -> None:
    torch.manual_seed(0)
    network = small_network()
    average, seen = WeightAverage(network), []
    for _ in range(5):
        for parameter in network.parameters():
            parameter.data.normal_()
        average.add(network)
        seen.append([parameter.detach().numpy().copy() for parameter in network.parameters()])
    result = average.result([torch.randn(4, 2, 6, 6)])
    for found, snapshots in zip(result.parameters(), zip(*seen, strict=True), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), np.mean(snapshots, axis=0), rtol=1e-5, atol=1e-6)


def test_batch_norm_is_that_of_the_averaged_network_on_the_batches_given() -> None:
    torch.manual_seed(0)
    network = small_network()
    network(torch.randn(16, 2, 6, 6) * 9 + 5)  # running statistics that must not survive
    average = WeightAverage(network)
    average.add(network)
    for parameter in network.parameters():
        parameter.data.normal_()
    average.add(network)
    batches = [torch.randn(8, 2, 6, 6) * (k + 1) for k in range(3)]
    result = average.result(iter(batches))
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
    average = WeightAverage(network)
    average.add(copy.deepcopy(network))

    def never():
        raise AssertionError("no batch is needed")
        yield

    torch.testing.assert_close(average.result(never()).state_dict(), network.state_dict())
