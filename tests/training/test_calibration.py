"""The pace of a network: patches a second of all slots, and nothing of torch is left changed."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from raysat.training.calibration import measure
from raysat.training.engine import Engine
from tests.helpers.training import MakeStore, config


def slow(patches: int, seconds: float) -> Callable[[Engine], int]:
    def work(_: Engine) -> int:
        time.sleep(seconds)
        return patches

    return work


def test_the_pace_is_that_of_all_slots_together(make_store: MakeStore, monkeypatch) -> None:
    monkeypatch.setattr(Engine, "try_step", slow(8, 0.02))
    monkeypatch.setattr(Engine, "try_evaluation", slow(8, 0.01))
    threads = torch.get_num_threads()
    pace = measure(config(), make_store(), slots=2, threads=1, seconds=0.5)
    assert 8 / 0.02 < pace.trained < 2 * 8 / 0.02
    assert pace.trained < pace.evaluated < 2 * 8 / 0.01
    assert torch.get_num_threads() == threads


def test_real_steps_are_taken_with_every_method(make_store: MakeStore) -> None:
    parts = {"augment": {"kind": "augmix"}, "average": {"kind": "ema"}, "reweight": {"kind": "drw"}}
    pace = measure(config(**parts), make_store(), seconds=0.1)
    assert 0 < pace.trained < pace.evaluated
