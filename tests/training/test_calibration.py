"""The pace of a network: patches a second of all slots, and nothing of torch is left changed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch

from raysat.training.calibration import measure
from raysat.training.engine import Engine
from tests.helpers.training import MakeStore, config


def slow(patches: int, seconds: float) -> Callable[[Engine, int], int]:
    def work(_: Engine, count: int) -> int:
        time.sleep(count * seconds)
        return count * patches

    return work


@pytest.mark.slow
def test_the_pace_is_that_of_all_slots_together(make_store: MakeStore, monkeypatch) -> None:
    monkeypatch.setattr(Engine, "try_steps", slow(8, 0.02))
    monkeypatch.setattr(Engine, "try_evaluation", slow(8, 0.01))
    threads = torch.get_num_threads()
    pace = measure(config(), make_store(), slots=2, threads=1, seconds=0.5)
    assert 0 < pace.trained <= 2 * 8 / 0.02  # a loaded machine is slower
    assert 0 < pace.evaluated <= 2 * 8 / 0.01
    assert torch.get_num_threads() == threads


def test_slots_side_by_side_leave_torch_as_it_was(make_store: MakeStore) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    pace = measure(config(augment={"kind": "dihedral"}), make_store(), slots=3, threads=1, seconds=0.2)
    assert pace.trained > 0
    assert torch.equal(torch.rand(1), expected)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_real_steps_are_taken_with_every_method(make_store: MakeStore) -> None:
    parts = {"augment": {"kind": "augmix"}, "average": {"kind": "ema"}, "reweight": {"kind": "drw"}}
    pace = measure(config(**parts), make_store(), seconds=0.1)
    assert 0 < pace.trained < pace.evaluated
