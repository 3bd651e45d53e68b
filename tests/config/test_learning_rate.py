"""Learning rates against independently written formulas and PyTorch's schedulers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from raysat.config.families.learning import Adam
from raysat.config.families.schedules import (
    Constant,
    Cosine,
    ExpRange,
    MultiStep,
    OneCycle,
    Schedule,
    Triangular,
    Triangular2,
)
from raysat.config.learning_rate import is_level, learning_rate

WARM = (Constant, MultiStep, Cosine)


def rates(schedule: Schedule, *, epochs: int, steps: int, lr: float = 1.0) -> np.ndarray:
    """The rate of every step of a training, and the one after the last."""
    optim = Adam(lr=lr, epochs=epochs)
    return np.array(
        [learning_rate(schedule, optim, step=step, steps_per_epoch=steps) for step in range(epochs * steps + 1)]
    )


def torchs(make: Callable[..., Any], count: int, lr: float = 1.0) -> np.ndarray:
    """The rates of the first ``count`` steps under a scheduler of PyTorch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, found = make(optimizer), []
    for _ in range(count):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if len(found) < count:
            scheduler.step()
    return np.array(found)


def test_constant_is_the_optimisers_rate() -> None:
    assert set(rates(Constant(), epochs=7, steps=7, lr=3e-4)) == {3e-4}


@given(
    schedule=st.sampled_from([Constant(), Cosine(), Triangular(), OneCycle()])
    | st.builds(Constant, warmup=st.just(0.0) | st.floats(1e-12, 0.99))
    | st.builds(
        MultiStep, warmup=st.just(0.0) | st.floats(1e-12, 0.99), milestones=st.sampled_from([(0.5,), (0.3, 0.55)])
    ),
    epochs=st.integers(1, 9),
    steps=st.integers(1, 9),
)
def test_an_epoch_that_begins_level_has_one_rate(schedule: Schedule, epochs: int, steps: int) -> None:
    found = rates(schedule, epochs=epochs, steps=steps)
    for epoch in range(epochs):
        first = epoch * steps
        level = is_level(schedule, step=first, steps=epochs * steps)
        assert not level or len(set(found[first : first + steps])) == 1
        assert level == isinstance(schedule, Constant | MultiStep) or (schedule.warmup and first < epochs * steps)


def test_multistep_is_torchs_with_milestones_at_epochs() -> None:
    ours = rates(MultiStep(milestones=(0.29, 0.6, 0.85), gamma=0.3), epochs=10, steps=7, lr=0.5)
    theirs = torchs(lambda it: lr_scheduler.MultiStepLR(it, milestones=[14, 42, 56], gamma=0.3), 71, lr=0.5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_milestone_is_met_where_it_is_written_whatever_its_binary_digits() -> None:
    ours = rates(MultiStep(milestones=(0.29,)), epochs=100, steps=1)  # 0.29 * 100 is 28.999...
    assert np.flatnonzero(ours < 1)[0] == 29


def test_cosine_is_torchs_and_ends_at_its_final_rate() -> None:
    ours = rates(Cosine(final_lr=0.02), epochs=5, steps=9, lr=0.3)
    theirs = torchs(lambda it: lr_scheduler.CosineAnnealingLR(it, T_max=45, eta_min=0.02), 46, lr=0.3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    assert ours[-1] == pytest.approx(0.02)


def test_warm_up_is_torchs_linear_factor() -> None:
    ours = rates(Constant(warmup=0.2), epochs=10, steps=6, lr=0.4)
    theirs = torchs(lambda it: lr_scheduler.LinearLR(it, start_factor=1 / 12, total_iters=11), 61, lr=0.4)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@given(warmup=st.just(0.0) | st.floats(1e-12, 1, exclude_max=True), epochs=st.integers(1, 9), steps=st.integers(1, 20))
@settings(max_examples=40)
def test_warm_up_multiplies_any_schedule_and_leaves_what_follows(warmup: float, epochs: int, steps: int) -> None:
    rising = int(np.floor(warmup * epochs * steps + 0.5))
    factors = np.minimum(1.0, np.arange(1, epochs * steps + 2) / max(1, rising))
    for kind in WARM:
        cold = rates(kind(), epochs=epochs, steps=steps)
        np.testing.assert_allclose(rates(kind(warmup=warmup), epochs=epochs, steps=steps), cold * factors, rtol=1e-12)


@pytest.mark.parametrize(("step_epochs", "steps"), [(2.0, 10), (0.5, 7), (3.25, 4)])
def test_triangular_is_a_line_through_its_corners(step_epochs: float, steps: int) -> None:
    schedule = Triangular(base_lr=1e-5, max_lr=1e-4, step_epochs=step_epochs)
    corners = np.arange(40)  # base at even multiples of step_epochs, max at odd ones
    expected = np.interp(np.arange(12 * steps + 1) / steps, corners * step_epochs, np.where(corners % 2, 1e-4, 1e-5))
    np.testing.assert_allclose(rates(schedule, epochs=12, steps=steps), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("schedule", "options"),
    [
        (Triangular(base_lr=1e-5, max_lr=1e-4, step_epochs=2.0), {"mode": "triangular"}),
        (Triangular2(base_lr=1e-5, max_lr=1e-4, step_epochs=2.0), {"mode": "triangular2"}),
        (ExpRange(base_lr=1e-5, max_lr=1e-4, step_epochs=2.0, gamma=0.97), {"mode": "exp_range", "gamma": 0.97}),
    ],
)
def test_cyclic_schedules_are_torchs(schedule: Schedule, options: dict[str, Any]) -> None:
    theirs = torchs(
        lambda it: lr_scheduler.CyclicLR(it, 1e-5, 1e-4, step_size_up=20, cycle_momentum=False, **options), 121
    )
    np.testing.assert_allclose(rates(schedule, epochs=12, steps=10), theirs, rtol=1e-7)


@given(
    epochs=st.integers(1, 8),
    steps=st.integers(1, 30),
    peak=st.floats(0.05, 0.95),
    start_div=st.floats(1, 100),
    final_div=st.floats(1, 1e5),
)
@settings(max_examples=40)
def test_one_cycle_is_torchs(epochs: int, steps: int, peak: float, start_div: float, final_div: float) -> None:
    total = epochs * steps
    assume(abs(peak * total - 1) > 1e-6)  # PyTorch divides by zero where the peak is its very first step
    schedule = OneCycle(max_lr=0.7, peak=peak, start_div=start_div, final_div=final_div)
    options = {"total_steps": total, "pct_start": peak, "div_factor": start_div, "final_div_factor": final_div}
    theirs = torchs(lambda it: lr_scheduler.OneCycleLR(it, 0.7, cycle_momentum=False, **options), total)
    ours = rates(schedule, epochs=epochs, steps=steps)
    np.testing.assert_allclose(ours[:-1], theirs, rtol=1e-7)
    assert ours[-1] == ours[-2]  # and there it stays


def test_one_cycle_rises_from_its_start_to_its_peak_and_falls_to_its_end() -> None:
    ours = rates(OneCycle(max_lr=1.0, peak=0.25, start_div=10, final_div=100), epochs=4, steps=10)
    assert ours[0] == pytest.approx(0.1)
    assert ours[9] == 1.0
    assert ours[-1] == pytest.approx(0.001)
    assert np.all(np.diff(ours[:10]) > 0)
    assert np.all(np.diff(ours[9:40]) < 0)


@pytest.mark.parametrize("peak", [0.25, 0.125, 0.9])
def test_one_cycle_of_very_few_steps_stays_finite(peak: float) -> None:
    for steps in (1, 2, 4, 8):
        found = rates(OneCycle(max_lr=1.0, peak=peak), epochs=1, steps=steps)
        assert np.all((found > 0) & (found <= 1 + 1e-12))


@pytest.mark.parametrize(
    "schedule", [Triangular(max_lr=0.1), Triangular2(max_lr=0.1), ExpRange(max_lr=0.1), OneCycle(max_lr=0.1)]
)
def test_schedules_with_rates_of_their_own_take_no_notice_of_the_optimisers(schedule: Schedule) -> None:
    np.testing.assert_array_equal(
        rates(schedule, epochs=4, steps=5, lr=1.0), rates(schedule, epochs=4, steps=5, lr=1e-6)
    )
