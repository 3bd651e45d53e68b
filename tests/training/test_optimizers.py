"""Optimisers against their update rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raysat.config.families.learning import Adam, AdamW, Sgd
from raysat.training import optimizers

START, GRADIENT = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.1, -2.0])


def steps(optim: Adam | AdamW | Sgd, count: int, lr: float) -> np.ndarray:
    network = torch.nn.Linear(3, 1, bias=False)
    network.weight.data.copy_(torch.from_numpy(START))
    optimizer = optimizers.build(optim, network)
    for _ in range(count):
        optimizers.set_learning_rate(optimizer, torch.tensor(lr, dtype=torch.float64))
        network.weight.grad = torch.from_numpy(GRADIENT).float()[None]
        optimizer.step()
    return network.weight.detach().numpy()[0]


def test_adam_is_the_papers_update_with_decay_in_the_gradient() -> None:
    w, m, v = START.copy(), np.zeros(3), np.zeros(3)
    for t in (1, 2, 3):
        g = GRADIENT + 0.1 * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(steps(Adam(lr=9.0, weight_decay=0.1), 3, lr=0.01), w, rtol=1e-5)


def test_adamw_decays_the_weights_beside_the_update() -> None:
    w, m, v = START.copy(), np.zeros(3), np.zeros(3)
    for t in (1, 2, 3):
        m, v = 0.9 * m + 0.1 * GRADIENT, 0.999 * v + 0.001 * GRADIENT**2
        w = w - 0.01 * 0.1 * w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(steps(AdamW(lr=9.0, weight_decay=0.1), 3, lr=0.01), w, rtol=1e-5)


def test_sgd_takes_nesterov_momentum() -> None:
    w, b = START.copy(), np.zeros(3)
    for t in range(3):
        g = GRADIENT + 0.1 * w
        b = 0.9 * b + g if t else g
        w = w - 0.01 * (g + 0.9 * b)
    np.testing.assert_allclose(steps(Sgd(momentum=0.9, weight_decay=0.1), 3, lr=0.01), w, rtol=1e-5)


def test_sgd_without_momentum_is_plain() -> None:
    np.testing.assert_allclose(steps(Sgd(momentum=0.0), 2, lr=0.1), START - 0.2 * GRADIENT, rtol=1e-5)


@pytest.mark.parametrize("optim", [Adam(lr=0.5), AdamW(lr=0.5), Sgd(lr=0.5)], ids=lambda optim: optim.kind)
def test_a_state_goes_on_from_another_device(optim: Adam | AdamW | Sgd) -> None:
    """Its rate is a number, and how a device holds it is no setting of the trial."""
    network, other = (torch.nn.Linear(3, 1) for _ in range(2))
    first, second = (optimizers.build(optim, each) for each in (network, other))
    network(torch.ones(2, 3)).sum().backward()
    first.step()
    kept = optimizers.state(first, 0.25)
    (group,) = kept["param_groups"]
    assert group["lr"] == 0.25
    assert isinstance(first.param_groups[0]["lr"], torch.Tensor)
    if "capturable" in group:
        group["capturable"] = True  # as on CUDA
    rate = second.param_groups[0]["lr"]
    optimizers.restore(second, kept)
    assert second.param_groups[0]["lr"] is rate
    assert not second.param_groups[0].get("capturable")
    for one, another in zip(first.state.values(), second.state.values(), strict=True):
        assert all(torch.equal(value, another[name]) for name, value in one.items())


def test_a_state_with_other_settings_is_refused() -> None:
    network = torch.nn.Linear(3, 1)
    kept = optimizers.state(optimizers.build(Adam(weight_decay=0.1), network), 0.1)
    with pytest.raises(ValueError, match="other settings"):
        optimizers.restore(optimizers.build(Adam(), network), kept)
    with pytest.raises(ValueError, match="no learning rate"):
        optimizers.restore(optimizers.build(Adam(), network), optimizers.build(Adam(), network).state_dict())
