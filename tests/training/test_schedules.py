"""Learning rates against independently written formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raysat.spec import Adam, Constant, Triangular
from raysat.training.schedules import learning_rate


def test_constant_is_the_optimisers_rate() -> None:
    optim = Adam(lr=3e-4)
    assert {learning_rate(Constant(), optim, step=step, steps_per_epoch=7) for step in range(50)} == {3e-4}


@pytest.mark.parametrize(("step_epochs", "steps"), [(2.0, 10), (0.5, 7), (3.25, 4)])
def test_triangular_is_a_line_through_its_corners(step_epochs: float, steps: int) -> None:
    schedule = Triangular(base_lr=1e-5, max_lr=1e-4, step_epochs=step_epochs)
    corners = np.arange(40)  # base at even multiples of step_epochs, max at odd ones
    for step in range(12 * steps):
        expected = np.interp(step / steps, corners * step_epochs, np.where(corners % 2, 1e-4, 1e-5))
        found = learning_rate(schedule, Adam(), step=step, steps_per_epoch=steps)
        assert found == pytest.approx(expected, rel=1e-9)


def test_triangular_is_torchs_cyclic_rate() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    theirs = torch.optim.lr_scheduler.CyclicLR(optimizer, base_lr=1e-5, max_lr=1e-4, step_size_up=20)
    schedule = Triangular(base_lr=1e-5, max_lr=1e-4, step_epochs=2.0)
    for step in range(100):
        assert learning_rate(schedule, Adam(), step=step, steps_per_epoch=10) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
