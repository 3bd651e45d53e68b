"""Corruptions: nothing at severity 0, more with severity, the same for a patch whatever else is in its batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from raysat.data.corruptions import CORRUPTIONS, SEVERITIES, wavelengths
from raysat.data.model_inputs import ModelInputs
from raysat.data.sensors import SENSORS
from raysat.data.stats import BandStats
from raysat.errors import UsageError
from raysat.inference.corruptions.corrupt import check_known, corrupt
from raysat.inference.corruptions.random_fields import Streams
from tests.helpers.paths import ROOT

NAMES = list(CORRUPTIONS)
SENSOR_OF = {3: None, 11: "landsat8", 13: "sentinel2"}


def inputs_of(
    bands: int, *, size: int = 24, dtype: str = "uint16", sensor: str | None = "as the number"
) -> ModelInputs:
    known = SENSOR_OF.get(bands) if sensor == "as the number" else sensor
    names = SENSORS[known].band_names[:bands] if known else tuple(f"band {k}" for k in range(bands))
    low, high = {"uint8": (0.0, 255.0), "uint16": (200.0, 4200.0), "float32": (0.1, 0.9)}[dtype]
    middle = BandStats(mean=(low + high) / 2, std=(high - low) / 6, low=low, high=high)
    return ModelInputs(bands=names, sensor=known, height=size, width=size, dtype=dtype, stats=(middle,) * bands)


def patches_of(inputs: ModelInputs, n: int, seed: int = 0) -> torch.Tensor:
    """Smooth patches with a little texture, as those of satellites are."""
    rng = np.random.default_rng(seed)
    shape = (n, len(inputs.bands), inputs.height, inputs.width)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), (0, 0, 3, 3))
    unit = 0.5 + 0.6 * smooth / max(smooth.std(), 1e-9) * 0.25 + 0.02 * rng.normal(size=shape)
    low, high = inputs.stats[0].low, inputs.stats[0].high
    pixels = torch.from_numpy(low + unit.clip(0.05, 0.95) * (high - low)).float()
    return pixels if inputs.dtype == "float32" else pixels.round()


@pytest.mark.slow
@pytest.mark.parametrize("bands", [1, 3, 11, 13])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_happens_at_severity_0_and_more_at_each_further_one(name: str, bands: int) -> None:
    inputs = inputs_of(bands)
    clean, at = patches_of(inputs, 40), torch.arange(40)
    assert corrupt(clean, at, inputs, name, 0) is clean
    changes = [(corrupt(clean, at, inputs, name, s) - clean).abs().mean().item() for s in range(SEVERITIES + 1)]
    if (name, bands) == ("dropout", 1):  # the only band is never lost
        assert changes == [0.0] * (SEVERITIES + 1)
        return
    assert changes[0] == 0.0
    assert changes[1] > 0
    assert changes == sorted(changes)
    assert changes[5] > 1.5 * changes[1]
    if name not in {"dropout", "misregistration"}:
        assert len(set(changes)) == SEVERITIES + 1


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(NAMES),
    severity=st.integers(1, SEVERITIES),
    bands=st.sampled_from([1, 3, 11, 13]),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    rows=st.lists(st.integers(0, 2**40), min_size=1, max_size=6, unique=True),
    size=st.sampled_from([1, 2, 7, 16]),
)
def test_a_patch_is_corrupted_alike_whatever_its_batch(name, severity, bands, dtype, rows, size) -> None:
    inputs = inputs_of(bands, size=size, dtype=dtype)
    clean, at = patches_of(inputs, len(rows)), torch.tensor(rows)
    together = corrupt(clean, at, inputs, name, severity)
    alone = torch.cat([corrupt(clean[k : k + 1], at[k : k + 1], inputs, name, severity) for k in range(len(rows))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6 if dtype == "float32" else 0)
    assert together.shape == clean.shape
    assert torch.isfinite(together).all()
    low, high = inputs.stats[0].low, inputs.stats[0].high
    slack = 1e-6 if dtype == "float32" else 0.0
    assert together.min() >= low - slack
    assert together.max() <= high + slack
    if dtype != "float32":
        assert torch.equal(together, together.round())


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_is_corrupted_by_its_position_and_not_by_chance(name: str) -> None:
    inputs = inputs_of(3)
    clean = patches_of(inputs, 1).expand(8, -1, -1, -1)
    first, again = (corrupt(clean, torch.arange(8), inputs, name, 3) for _ in range(2))
    assert torch.equal(first, again)
    is_random = name not in {"blur", "haze"}
    assert torch.equal(first[0], first[1]) is not is_random or name == "dropout"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "dropout"])
def test_a_band_is_corrupted_alike_whatever_other_bands_a_model_takes(name: str) -> None:
    every = inputs_of(13)
    some = every.model_copy(update={"bands": (every.bands[7], every.bands[2]), "stats": every.stats[:2]})
    clean, at = patches_of(every, 4), torch.arange(4)
    found = corrupt(clean, at, every, name, 4)[:, [7, 2]]
    assert torch.equal(corrupt(clean[:, [7, 2]], at, some, name, 4), found)


def test_bands_do_not_share_their_random_numbers() -> None:
    numbers = Streams.of_bands("noise", torch.arange(2000), ("B2", "B3")).normal(10)
    assert numbers.shape == (2000, 2, 10)
    assert abs(np.corrcoef(numbers[:, 0].flatten(), numbers[:, 1].flatten())[0, 1]) < 4 / math.sqrt(20000)


def test_values_beyond_the_full_scale_stay_where_they_are() -> None:
    inputs = inputs_of(3, dtype="float32")
    clean = torch.full((2, 3, 24, 24), 1.4)  # the full scale ends at 0.9
    brighter = corrupt(clean, torch.arange(2), inputs, "noise", 1)
    assert brighter.max() <= 1.4
    assert brighter.min() > 1.2


def test_streams_are_splitmix64() -> None:
    """The first numbers of a stream whose start is known, by whole numbers of Python."""
    start, mask = 1234567, 2**64 - 1

    def step(state: int) -> int:
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    expected = [step((start + n * 0x9E3779B97F4A7C15) & mask) for n in range(1, 6)]
    assert expected[0] == 6457827717110365317  # as published with the generator, for this seed
    found = Streams(torch.tensor([start]))._bits(5)[0]
    assert [int(bits) & mask for bits in found] == expected


def test_random_numbers_are_normal_uniform_and_not_related() -> None:
    streams = Streams.of("a purpose", torch.arange(3000))
    normal, uniform = streams.normal(31), streams.uniform(31)
    assert stats.kstest(normal.flatten().numpy(), "norm").pvalue > 0.001
    assert stats.kstest(uniform.flatten().numpy(), "uniform").pvalue > 0.001
    assert uniform.min() > 0
    assert uniform.max() < 1
    other = Streams.of("another purpose", torch.arange(3000)).normal(31)
    pairs = [(normal[:-1], normal[1:]), (normal[:, :-1], normal[:, 1:]), (normal, other)]
    for a, b in pairs:
        assert abs(np.corrcoef(a.flatten(), b.flatten())[0, 1]) < 4 / math.sqrt(a.numel())


def test_fields_are_smooth_and_lie_within_0_and_1() -> None:
    fields = Streams.of("clouds", torch.arange(300)).field(32, 32)
    assert fields.min() >= 0
    assert fields.max() <= 1
    assert fields.mean().item() == pytest.approx(0.5, abs=0.03)
    beside = np.corrcoef(fields[..., 1:].flatten(), fields[..., :-1].flatten())[0, 1]
    apart = np.corrcoef(fields[..., 16:].flatten(), fields[..., :-16].flatten())[0, 1]
    assert beside > 0.9 > apart


def test_noise_has_the_variance_that_it_says() -> None:
    inputs = inputs_of(3, size=64, dtype="float32")
    for unit in (0.2, 0.5):
        clean = torch.full((20, 3, 64, 64), 0.1 + 0.8 * unit)
        found = (corrupt(clean, torch.arange(20), inputs, "noise", 2) - clean).std().item() / 0.8
        assert found == pytest.approx(0.04 * math.sqrt(0.25 + 0.75 * unit), rel=0.02)


def test_blur_is_scipys_gaussian() -> None:
    inputs = inputs_of(3, dtype="float32")
    clean = patches_of(inputs, 4)
    for severity, sigma in enumerate(CORRUPTIONS["blur"].strengths, start=1):
        found = corrupt(clean, torch.arange(4), inputs, "blur", severity)
        radius = math.ceil(3 * sigma)
        expected = ndimage.gaussian_filter(clean.double().numpy(), (0, 0, sigma, sigma), mode="nearest", radius=radius)
        np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)


def test_haze_is_the_equation_of_path_radiance_and_spares_long_waves() -> None:
    inputs = inputs_of(11, dtype="float32")
    clean = patches_of(inputs, 4)
    found = (corrupt(clean, torch.arange(4), inputs, "haze", 3) - 0.1) / 0.8
    unit = (clean - 0.1) / 0.8
    waves = dict(zip(inputs.bands, wavelengths(inputs.bands, "landsat8"), strict=True))
    for k, band in enumerate(inputs.bands):
        wave = waves[band]
        kept = 1.0 if wave > 3 else math.exp(-0.5 * (wave / 0.55) ** -1.3)
        expected = kept * unit[:, k] + (1 - kept) * 0.7
        torch.testing.assert_close(found[:, k], expected, atol=1e-5, rtol=0)
    change = (found - unit).abs().mean((0, 2, 3))
    assert change[0] > change[3] > change[5] > change[6] > 0  # coastal, red, short-wave infrared
    assert change[9] == change[10] == 0  # thermal


def test_a_cloud_is_white_to_the_eye_and_cold_to_a_thermal_band_and_its_shadow_is_blue() -> None:
    inputs = inputs_of(11, dtype="float32")
    clean, at = torch.full((30, 11, 24, 24), 0.5), torch.arange(30)
    cloud, shadow = (corrupt(clean, at, inputs, name, 3) - clean for name in ("cloud", "shadow"))
    assert (cloud[:, :9] > 0).all()
    torch.testing.assert_close(cloud[:, 0], cloud[:, 6])
    assert (cloud[:, 9:] < 0).all()
    assert (shadow[:, :9] < 0).all()
    assert shadow[:, 0].mean() > shadow[:, 4].mean() > shadow[:, 6].mean()
    assert (shadow[:, 9:] == 0).all()


@pytest.mark.parametrize("bands", [2, 3, 13])
def test_lost_bands_hold_their_mean_and_those_of_less_are_among_those_of_more(bands: int) -> None:
    inputs = inputs_of(bands)
    clean, at = patches_of(inputs, 30) + 1, torch.arange(30)
    before = torch.zeros(30, bands, dtype=torch.bool)
    for severity in range(1, SEVERITIES + 1):
        found = corrupt(clean, at, inputs, "dropout", severity)
        lost = (found != clean).flatten(2).any(dim=2)
        share = CORRUPTIONS["dropout"].strength(severity)
        assert (lost.sum(dim=1) == min(bands - 1, max(1, math.ceil(share * bands)))).all()
        assert (found[lost] == round(inputs.stats[0].mean)).all()
        assert (lost >= before).all()
        before = lost


def test_stripes_are_columns_and_gains_are_bands() -> None:
    inputs = inputs_of(3, dtype="float32")
    clean, at = torch.full((30, 3, 24, 24), 0.5), torch.arange(30)
    stripes, gains = (corrupt(clean, at, inputs, name, 2) - clean for name in ("striping", "gain"))
    assert (stripes.std(dim=2) < 1e-6).all()
    assert stripes.std(dim=3).min() > 1e-3
    assert (gains.std(dim=(2, 3)) < 1e-6).all()
    assert gains[:, :, 0, 0].std().item() / 0.4 == pytest.approx(0.06, rel=0.2)


def test_misregistered_bands_are_scipys_shift() -> None:
    inputs = inputs_of(3, dtype="float32")
    clean, at = patches_of(inputs, 3), torch.arange(3)
    angle = 2 * math.pi * Streams.of_bands("misregistration", at, inputs.bands).uniform().double().numpy()
    for severity, pixels in enumerate(CORRUPTIONS["misregistration"].strengths, start=1):
        found = corrupt(clean, at, inputs, "misregistration", severity)
        for patch, band in np.ndindex(3, 3):
            by = -pixels * math.sin(angle[patch, band]), -pixels * math.cos(angle[patch, band])
            expected = ndimage.shift(clean[patch, band].double().numpy(), by, order=1, mode="nearest")
            np.testing.assert_allclose(found[patch, band].numpy(), expected, atol=1e-4)


def test_a_missing_corner_is_one_piece_of_the_share_that_it_says() -> None:
    inputs = inputs_of(3)
    clean, at = patches_of(inputs, 20) + 1, torch.arange(20)
    before = torch.zeros(20, 24, 24, dtype=torch.bool)
    for severity, share in enumerate(CORRUPTIONS["missing"].strengths, start=1):
        found = corrupt(clean, at, inputs, "missing", severity)
        gone = (found == round(inputs.stats[0].mean)).all(dim=1)
        assert (gone.sum(dim=(1, 2)) - round(share * 24 * 24)).abs().max() <= 2  # a pixel that is the mean
        assert (gone >= before).all()
        before = gone
        assert torch.equal(found[~gone[:, None].expand_as(found)], clean[~gone[:, None].expand_as(found)])
        pieces = [ndimage.label(each.numpy(), np.ones((3, 3)))[1] for each in gone]
        assert max(pieces) <= 2


def test_the_table_names_its_sources_and_grows() -> None:
    for corruption in CORRUPTIONS.values():
        assert list(corruption.strengths) == sorted(set(corruption.strengths))
        assert any(digit.isdigit() for digit in corruption.source)
        assert corruption.strength(0) == 0


def test_wavelengths_of_what_is_not_known_are_none() -> None:
    assert wavelengths(("B2", "mine"), "landsat8") == (0.482, None)
    assert wavelengths(("B2",), None) == (None,)
    assert wavelengths(("B2",), "an unknown one") == (None,)


def test_an_unknown_corruption_is_refused() -> None:
    with pytest.raises(UsageError, match="no corruption 'hase'") as caught:
        check_known(["noise", "hase"])
    assert "haze" in str(caught.value.hint)


def test_the_page_has_the_table_as_it_is() -> None:
    page = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")
    for each in CORRUPTIONS.values():
        strengths = ", ".join(f"{strength:g}" for strength in each.strengths)
        assert f"| `{each.name}` | {each.what} | {strengths} | {each.source} |" in page
