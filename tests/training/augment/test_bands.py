"""Bands left out and changed: distributions, units, and noise that depends on its patch alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raysat.config.families.images import BandDropout, SpectralJitter
from raysat.training.augment import bands


@pytest.mark.parametrize(("probability", "count"), [(0.2, 11), (0.9, 3), (0.5, 1)])
def test_so_many_bands_are_left_out_and_one_stays(probability: float, count: int) -> None:
    kept = bands.draw_kept(BandDropout(probability=probability), 6000, count, np.random.default_rng(0))
    assert kept.shape == (6000, count)
    assert set(np.unique(kept)) <= {0.0, 1.0}
    assert kept.any(axis=1).all()
    expected = probability - probability**count / count  # where all would be left out, one is not
    assert 1 - kept.mean() == pytest.approx(expected, abs=0.01)
    by_band = 1 - kept.mean(axis=0)
    np.testing.assert_allclose(by_band, expected, atol=0.03)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 13), size=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_a_band_is_left_out_whole_and_others_stay(seed: int, count: int, size: tuple[int, int]) -> None:
    kept = bands.draw_kept(BandDropout(probability=0.5), 4, count, np.random.default_rng(seed))
    normal = torch.randn(4, count, *size, generator=torch.Generator().manual_seed(seed))
    found = bands.leave_out(normal, torch.from_numpy(kept))
    for patch, band in np.ndindex(4, count):
        expected = normal[patch, band] if kept[patch, band] else torch.zeros(size)
        assert torch.equal(found[patch, band], expected)


def test_gains_and_offsets_are_uniform_about_none() -> None:
    settings = SpectralJitter(gain=0.3, offset=0.2)
    gain, offset, seeds = bands.draw_jitter(settings, 3000, 4, np.random.default_rng(0))
    assert stats.kstest(gain.ravel(), stats.uniform(0.7, 0.6).cdf).pvalue > 1e-4
    assert stats.kstest(offset.ravel(), stats.uniform(-0.2, 0.4).cdf).pvalue > 1e-4
    assert len(set(seeds)) == 3000


def test_noise_is_normal_and_independent() -> None:
    seeds = torch.from_numpy(np.random.default_rng(3).integers(2**63, size=40))
    noise = bands.normal_noise(seeds, 5001).double().numpy()
    assert np.isfinite(noise).all()
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-4
    assert abs(np.corrcoef(noise) - np.eye(40)).max() < 5 / np.sqrt(5001)  # between patches
    for lag in (1, 2, 2501):  # and within, the two halves that share their integers among them
        assert abs((noise[:, lag:] * noise[:, :-lag]).mean()) < 5 / np.sqrt(noise[:, lag:].size)


def test_neighbouring_seeds_have_other_noise() -> None:
    one, other = bands.normal_noise(torch.tensor([5, 6]), 4000).double().numpy()
    assert abs((one * other).mean()) < 5 / np.sqrt(4000)


@given(count=st.integers(1, 60))
def test_noise_depends_on_its_patch_alone(count: int) -> None:
    seeds = torch.tensor([3, 2**62 + 5, 0])
    whole = bands.normal_noise(seeds, count)
    assert whole.shape == (3, count)
    torch.testing.assert_close(bands.normal_noise(seeds[[2, 0]], count), whole[[2, 0]])


def test_without_gain_offset_and_noise_nothing_changes() -> None:
    settings = SpectralJitter(gain=0.0, offset=0.0, noise=0.0)
    normal = torch.randn(3, 5, 4, 4)
    drawn = (torch.from_numpy(each) for each in bands.draw_jitter(settings, 3, 5, np.random.default_rng(0)))
    assert torch.equal(bands.jittered(normal, *drawn, noise=0.0), normal)


def test_noise_is_as_strong_as_it_is_said() -> None:
    settings = SpectralJitter(gain=0.0, offset=0.0, noise=0.25)
    normal = torch.randn(8, 5, 40, 40)
    drawn = (torch.from_numpy(each) for each in bands.draw_jitter(settings, 8, 5, np.random.default_rng(0)))
    added = bands.jittered(normal, *drawn, noise=0.25) - normal
    assert added.std().item() == pytest.approx(0.25, rel=0.02)
    assert abs(added.mean().item()) < 0.005
