"""Training of generators: what it yields, what it is shown, what it refuses, and how it says that it failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from raysat.config.families.synthetic import Dcgan, Flow
from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.errors import DivergedError
from raysat.generation import classifier as quality_classifier
from raysat.generation.dcgan.networks import Generator
from raysat.generation.flow.unet import UNet
from raysat.generation.generate import COLLAPSED, SATURATED, Generated, Report, generate, verdict
from raysat.training.augment import dihedral
from tests.helpers.generation import FLOW, GAN, beyond, work
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few steps of the classifier; one thread, as two lose time on networks this small."""
    monkeypatch.setattr(quality_classifier, "_STEPS", 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(what: Generation, store: PatchStore) -> tuple[list[Report], Generated]:
    reports: list[Report] = []
    made = generate(what, store, device=CPU, on_report=reports.append)
    return reports, made


@pytest.mark.slow
def test_it_reports_some_32_times_and_returns_patches(make_store: MakeStore) -> None:
    store = make_store(size=17)
    reports, made = run(work(steps=34), store)
    assert len(reports) == 32
    assert [report.step for report in reports][-3:] == [31, 32, 34] or reports[-1].step == 34
    assert np.diff([0, *(report.step for report in reports)]).max() == 2
    for report in reports:
        assert report.samples_seen == 4 * report.step
        assert report.samples.shape == (16, 2, 17, 17)
        assert report.samples.dtype == np.uint8
        assert report.diversity is not None
        assert 0 < report.diversity < 2
        assert min(report.generator_loss, report.discriminator_loss) > 0
    assert made.images.shape == (5, 2, 17, 17)
    assert made.images.dtype == np.uint8
    assert made.real_samples.shape == (12, 2, 17, 17)
    np.testing.assert_array_equal(made.images, reports[-1].samples[:5])
    assert made.history == tuple(reports)
    assert made.seconds >= sum(report.seconds for report in reports)
    network = Generator(bands=2, size=(17, 17), width=4, latent=8)
    assert made.parameters == sum(p.numel() for p in network.parameters())
    network.load_state_dict(made.state_dict)


@pytest.mark.slow
def test_a_flow_reports_six_times_and_is_what_it_says(make_store: MakeStore) -> None:
    reports, made = run(work(of=FLOW, steps=13), make_store(size=17))
    assert [report.step for report in reports] == [2, 4, 6, 8, 10, 13]
    for report in reports:
        assert report.samples_seen == 4 * report.step
        assert report.samples.shape == (16, 2, 17, 17)
        assert report.discriminator_loss is None
        assert 0 < report.generator_loss < 10
        assert report.diversity is not None
        assert 0.5 < report.diversity < 2
    assert made.images.shape == (5, 2, 17, 17)
    assert made.images.dtype == np.uint8
    assert not made.note
    network = UNet(bands=2, width=8)
    assert made.parameters == sum(p.numel() for p in network.parameters())
    network.load_state_dict(made.state_dict)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_patches_come_in_the_type_and_range_of_the_class(make_store: MakeStore, dtype: str) -> None:
    store = make_store(dtype=dtype)
    _, made = run(work(patches=40), store)
    assert made.images.dtype == made.real_samples.dtype == store.images.dtype
    real = store.images[(store.splits == 0) & (store.labels == 1)][:, 1:]
    slack = 1 if dtype != "float32" else 1e-4
    for band in (0, 1):
        low, high = np.percentile(real[:, band].astype(np.float32), (0.1, 99.9))
        assert low - slack <= made.images[:, band].min()
        assert made.images[:, band].max() <= high + slack
        assert abs(made.images[:, band].mean() - (low + high) / 2) < 0.3 * (high - low)  # untrained: about the middle
    assert np.isin(
        made.real_samples.reshape(len(made.real_samples), -1)[:, :40], real.reshape(len(real), -1)[:, :40]
    ).all()


@pytest.mark.slow
@pytest.mark.parametrize("of", [GAN, FLOW])
def test_equal_work_makes_equal_bits_and_fewer_patches_are_the_first(make_store: MakeStore, of: Dcgan | Flow) -> None:
    store = make_store()
    torch.manual_seed(1)
    reports, made = run(work(of=of, patches=9), store)
    torch.manual_seed(2)  # torch's own generator has no say
    again_reports, again = run(work(of=of, patches=9), store)
    np.testing.assert_array_equal(made.images, again.images)
    for one, other in zip(reports, again_reports, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
        assert one.generator_loss == other.generator_loss
    assert made.quality == again.quality
    _, fewer = run(work(of=of, patches=2), store)
    np.testing.assert_array_equal(fewer.images, made.images[:2])
    _, other_seed = run(work(of=of, patches=9, seed=1), store)
    assert not np.array_equal(other_seed.images, made.images)


@pytest.mark.parametrize("of", [GAN, FLOW])
def test_nobody_draws_the_callers_random_numbers(make_store: MakeStore, of: Dcgan | Flow) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    run(work(of=of), make_store())
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.slow
def test_only_train_patches_of_the_class_are_trained_on(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """All other patches are poisoned: had one been read, the scale or a batch would show it."""
    clean = make_store()
    images = np.array(clean.images)
    images[(clean.splits != 0) | (clean.labels != 1)] = 255
    real = images[(clean.splits == 0) & (clean.labels == 1)]
    assert real.max() < 255
    seen: list[torch.Tensor] = []

    def spy(patches: torch.Tensor, symmetry: Any) -> torch.Tensor:
        seen.append(patches)
        return patches

    monkeypatch.setattr(dihedral, "transform", spy)
    _, poisoned = run(work(steps=20), dataclasses.replace(clean, images=images))
    low, high = np.percentile(real[:, 1:].astype(np.float32), (0.1, 99.9), axis=(0, 2, 3))
    wanted = np.clip((real[:, 1:] - low[:, None, None]) / (high - low)[:, None, None], 0, 1) * 2 - 1
    shown = torch.cat(seen[:20]).numpy()  # the rest is the classifier's and the neighbours'
    assert len(shown) == 80
    matched = {int(np.abs(wanted - patch).max(axis=(1, 2, 3)).argmin()) for patch in shown}
    assert all(np.abs(wanted - patch).max(axis=(1, 2, 3)).min() < 1e-5 for patch in shown)
    assert matched == set(range(12))  # and all of them were
    _, untouched = run(work(steps=20), clean)
    np.testing.assert_array_equal(poisoned.images, untouched.images)


@pytest.mark.slow
def test_training_moves_the_patches_towards_the_class(make_store: MakeStore) -> None:
    """A class of two bands far apart within their common scale: the GAN learns which is the bright one."""
    clean = make_store(counts={"train": (16, 16), "val": (2, 2), "test": (2, 2)}, classes=2)
    rng = np.random.default_rng(0)
    images = np.array(clean.images)
    images[:, 1] = np.where(rng.random(images[:, 1].shape) < 0.03, 20, 200)
    images[:, 2] = np.where(rng.random(images[:, 2].shape) < 0.03, 200, 20)
    store = dataclasses.replace(clean, images=images)
    _, made = run(work(steps=150, batch_size=8, width=8, patches=32), store)
    assert made.images[:, 0].mean() > 150
    assert made.images[:, 1].mean() < 70


def test_a_constant_generator_is_told_as_collapsed(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Generator.forward
    monkeypatch.setattr(Generator, "forward", lambda self, z: 0 * forward(self, z) + 0.3)
    reports, made = run(work(), make_store())
    assert reports[-1].diversity == 0
    assert made.collapsed
    assert "collapsed: its patches differ 0.00 times" in made.note
    assert made.quality.diversity.generated == 0


def point(step: int, **values: Any) -> Report:
    usual = {"generator_loss": 1.0, "discriminator_loss": 1.0, "seconds": 1.0, "samples_seen": 1, "diversity": 1.0}
    return Report(step=step, steps=8, samples=np.empty(0), **(usual | values))


def test_collapse_and_saturation_are_told_from_the_end_of_training() -> None:
    fine = [point(step) for step in range(1, 9)]
    assert verdict(fine) == ""
    assert verdict([*fine[:-1], point(8, diversity=None)]) == ""
    assert verdict([point(1, diversity=0.0), *fine[1:]]) == ""
    assert "collapsed" in verdict([*fine[:-1], point(8, diversity=COLLAPSED - 0.01)])
    lost = [point(step, generator_loss=SATURATED + 1) for step in (7, 8)]
    assert "saturated" in verdict([*fine[:6], *lost])
    of_flow = [point(step, generator_loss=SATURATED + 1, discriminator_loss=None) for step in range(1, 9)]
    assert verdict(of_flow) == ""  # nobody judges its patches
    assert verdict([*lost[:0], *(point(step, generator_loss=SATURATED + 1) for step in range(1, 7)), *fine[6:]]) == ""


@pytest.mark.parametrize("of", [GAN, FLOW])
def test_a_loss_that_is_not_finite_stops_the_training(make_store: MakeStore, of: Dcgan | Flow) -> None:
    with pytest.raises(
        DivergedError, match=r"class 'class1' has a (loss|patch) that is not finite by step \d of 9"
    ) as caught:
        run(beyond(work(of=of, steps=9), lr=1e30), make_store())
    assert caught.value.hint == "lower synthetic.lr"


def test_the_caller_may_stop_it(make_store: MakeStore) -> None:
    reports: list[Report] = []

    def stop(report: Report) -> None:
        reports.append(report)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(work(), make_store(), device=CPU, on_report=stop)
    assert len(reports) == 1
    assert not torch.are_deterministic_algorithms_enabled()
