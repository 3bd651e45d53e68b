"""What steps need, put together and taken apart again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from raysat.config.families.images import (
    Augment,
    AugMix,
    BandDropout,
    Dihedral,
    NoAugment,
    SpectralJitter,
    TrivialAugment,
)
from raysat.config.families.mixing import BalancedMixUp, CutMix, MixUp, Remix
from raysat.training.augment import augmix_fused
from raysat.training.batch import step_inputs
from raysat.training.sampling import Batch, TrainSplit
from raysat.training.step_inputs import ChainTable, Rows, StepInputs, at, fill, fits, room_for, stack

CPU = torch.device("cpu")
AUGMENTS = (
    NoAugment(),
    Dihedral(),
    AugMix(),
    MixUp(),
    BalancedMixUp(flips=True),
    Remix(),
    CutMix(flips=True),
    TrivialAugment(flips=True),
    BandDropout(),
    SpectralJitter(flips=True),
)
SPLIT = TrainSplit(np.repeat(np.arange(3, dtype=np.uint8), (25, 10, 5)), np.array([25, 10, 5]), bands=3)


def steps(
    augment: Augment, count: int, *, size: int = 6, seed: int = 0, device: torch.device | None = None
) -> list[StepInputs]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        batch = Batch(
            positions=rng.permutation(40)[:size], labels=rng.integers(0, 3, size, dtype=np.uint8), size=(9, 9)
        )
        weights = rng.uniform(0.5, 2.0, 3)
        made.append(
            step_inputs(
                augment,
                batch,
                rng,
                split=SPLIT,
                weights_K=weights,
                lr=0.1 * number,
                momenta=[0.5, 0.1 * number],
                device=device,
            )
        )
    return made


def assert_same(found: Any, expected: Any) -> None:
    """Equal, but for zeros that rows are padded with."""
    if isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected)
    elif isinstance(expected, Rows):
        count = len(expected.index_r)
        assert torch.equal(found.index_r[:count], expected.index_r)
        assert torch.equal(found.parameters_rP[:count], expected.parameters_rP)
        assert not found.index_r[count:].any()
        assert not found.parameters_rP[count:].any()
    else:
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)


def assert_same_from(room: StepInputs, stacked: StepInputs, taken: list[StepInputs]) -> None:
    """Stacked steps fit into room that there is, and come out of it as they were."""
    assert fits(stacked, room)
    fill(room, stacked)
    for number, one in enumerate(taken):
        assert_same(at(room, torch.tensor([number])), one)


@pytest.mark.parametrize("augment", AUGMENTS, ids=lambda augment: augment.kind)
def test_each_step_comes_out_of_a_stack_as_it_went_in(augment: Augment) -> None:
    first, second = steps(augment, 5), steps(augment, 3, seed=1)
    room = room_for(stack(first), 7, CPU)
    for taken in (first, second):
        assert_same_from(room, stack(taken, room), taken)


def test_rows_keep_the_room_that_they_have_and_get_more_where_it_is_too_little() -> None:
    few, many = stack(steps(AugMix(), 4)), stack(steps(AugMix(), 4, size=40))
    assert not fits(many.view, few.view)
    rooms = [
        {rows.index_r.shape[1] for step in each.view.drawn.steps for rows in step}
        for each in (few, many, stack(steps(AugMix(), 4), many))
    ]
    assert all(room % 16 == 0 for each in rooms for room in each)
    assert rooms[2] == rooms[1] != rooms[0]


def test_tables_of_chains_fit_whatever_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmix_fused, "works_on", lambda device: device == CPU)
    first, second = (steps(AugMix(), 5, seed=seed, device=CPU) for seed in (0, 1))
    assert isinstance(first[0].view.drawn, ChainTable)
    room = room_for(stack(first), 7, CPU)
    for taken in (first, second):
        assert_same_from(room, stack(taken), taken)  # which asks for no more room than before


def test_another_size_of_batch_does_not_fit() -> None:
    assert not fits(stack(steps(NoAugment(), 2)), stack(steps(NoAugment(), 2, size=5)))
