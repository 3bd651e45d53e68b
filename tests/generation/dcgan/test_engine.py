"""The engine of a DC-GAN: what its discriminator sees, and the average that makes the patches."""

from __future__ import annotations

import pytest
import torch

from raysat.generation.dcgan import augment as gan_augment
from raysat.generation.dcgan import engine as gan_engine
from raysat.generation.dcgan.engine import GanEngine
from tests.helpers.generation import GAN, work
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")


def test_both_sides_are_augmented_before_they_are_judged(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = GanEngine(work(), GAN, make_store(), CPU)
    judged: list[torch.Tensor] = []
    engine._discriminator.register_forward_pre_hook(lambda _, args: judged.append(args[0].detach()))
    monkeypatch.setattr(gan_augment, "diff_augment", lambda patches, _: torch.full_like(patches, 0.25) + 0 * patches)
    engine.train(2, 0)
    assert len(judged) == 6  # reals, fakes, and fakes again for the generator, in each step
    assert all(bool((each == 0.25).all()) for each in judged)


def test_the_readout_is_the_average_of_the_weights(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gan_engine, "_EMA", 0.5)
    engine = GanEngine(work(), GAN, make_store(), CPU)
    wanted = [parameter.detach().double().clone() for parameter in engine.generator.parameters()]
    for step in range(8):
        engine.train(1, step)
        kept = min(0.5, (1 + step) / (10 + step))
        wanted = [
            kept * average + (1 - kept) * parameter.detach()
            for average, parameter in zip(wanted, engine.generator.parameters(), strict=True)
        ]
    for average, parameter in zip(wanted, engine.average.network.parameters(), strict=True):
        torch.testing.assert_close(parameter.double(), average, rtol=1e-4, atol=1e-6)
