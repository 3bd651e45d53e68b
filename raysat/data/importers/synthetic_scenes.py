"""Synthetic Landsat-8-like patches for given labels: a small physical model of ground, air and sensor.

A patch is a linear mixture of endmember spectra (green and dry vegetation, dark and bright soil, water) whose
abundances are power-law random fields, lit unevenly, seen through haze, cirrus and cloud, with sensor noise, as 8-bit
top-of-atmosphere reflectance and brightness temperature, scaled as droughtwatch's. The label is the forage near the
centre in four ordinal classes: the vegetation there shows the score that decides it, with an error, and some labels are
off by one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.special import expit

from raysat.data.importers.droughtwatch import SIDE

SHARES: Final = (0.60, 0.16, 0.15, 0.09)  # of the classes, about those of droughtwatch

_SEEN: Final = 0.98  # correlation of the score that decides the label with the one that the vegetation shows
_OFF_BY_ONE: Final = 0.02  # share of labels that are a class too low or too high
_NEAR: Final = 11.0  # pixels; standard deviation of the weight around the centre
_TORUS: Final = 80  # fields are drawn on a torus of this side and cropped, so that opposite edges differ

Floats = npt.NDArray[np.float32]

# Reflectance in B1-B9 (approximate, after the ECOSTRESS spectral library, Meerdink et al. 2019), then temperature in
# B10 and B11 (K). B9 lies in a water vapour band and hardly sees the ground.
_SURFACES: Final[Floats] = np.array(
    [
        # B1   B2     B3     B4     B5     B6     B7     B8     B9      B10  B11
        (0.030, 0.035, 0.080, 0.045, 0.440, 0.220, 0.100, 0.062, 0.002, 302, 300),  # green vegetation
        (0.060, 0.075, 0.125, 0.165, 0.340, 0.330, 0.200, 0.145, 0.002, 311, 308),  # dry vegetation
        (0.060, 0.075, 0.110, 0.150, 0.210, 0.270, 0.240, 0.130, 0.002, 315, 312),  # dark soil
        (0.110, 0.140, 0.210, 0.290, 0.370, 0.460, 0.420, 0.250, 0.002, 319, 316),  # bright soil
        (0.060, 0.055, 0.045, 0.030, 0.015, 0.008, 0.005, 0.038, 0.001, 297, 296),  # water
    ],
    dtype=np.float32,
)
_CLOUD: Final[Floats] = np.array((0.66, 0.65, 0.65, 0.66, 0.68, 0.52, 0.38, 0.65, 0.02, 262, 261), dtype=np.float32)
_CIRRUS: Final[Floats] = np.array((0.06, 0.06, 0.06, 0.06, 0.06, 0.04, 0.03, 0.06, 0.06, -9, -9), dtype=np.float32)
_HAZE: Final[Floats] = np.array((0.085, 0.062, 0.036, 0.021, 0.008, 0.002, 0.001, 0.028, 0, 0, 0), dtype=np.float32)
_NOISE: Final[Floats] = np.array((*[0.004] * 8, 0.001, 0.6, 0.6), dtype=np.float32)
_OPTICAL: Final = slice(0, 9)
_THERMAL: Final = slice(9, 11)
_KELVIN: Final = (120.0, 360.0)  # brightness temperatures of 0 and 255
# Fields and the range of their spectral exponents: larger is smoother.
_FIELDS: Final = {
    "cover": (1.8, 3.2),
    "green": (1.8, 3.2),
    "bright": (1.8, 3.2),
    "water": (3.2, 4.0),
    "light": (2.4, 3.6),
    "cloud": (2.8, 3.4),
    "cirrus": (3.0, 4.0),
}


def draw_labels(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw (count,) labels in random order, their counts as near to ``SHARES`` as whole numbers can be."""
    edges = np.rint(np.cumsum((0.0, *SHARES)) * count).astype(np.int64)
    return rng.permutation(np.repeat(np.arange(len(SHARES)), np.diff(edges)))


def render(labels: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw one patch for each of (B,) labels: (B, 11, 65, 65) uint8."""
    size = len(labels)
    rough, smooth = zip(*_FIELDS.values(), strict=True)
    fields = _power_law_fields(rng.uniform(rough, smooth, (size, len(_FIELDS))), rng)
    by_name = {name: fields[:, index] for index, name in enumerate(_FIELDS)}
    ground = _ground(_visible_forage(labels, rng), by_name, rng)
    seen = _through_air(ground, by_name, rng)
    seen += _NOISE[:, None, None] * rng.standard_normal(seen.shape, dtype=np.float32)
    cold, hot = _KELVIN
    seen[:, _THERMAL] = (seen[:, _THERMAL] - cold) / (hot - cold)
    digital: npt.NDArray[np.uint8] = np.clip(np.rint(seen * 255), 0, 255).astype(np.uint8)
    return digital


def _visible_forage(labels: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Draw the forage score that the vegetation shows, (B,), standard normal over all classes.

    A class is an interval of a standard normal score: drawing the score from its class's interval and blurring it is
    the same as cutting a blurred score into classes, but hits the shares exactly.
    """
    step = np.where(rng.random(len(labels)) < 0.5, -1, 1)
    off = rng.random(len(labels)) < _OFF_BY_ONE
    decided = np.clip(np.where(off, labels + step, labels), 0, len(SHARES) - 1)
    edges = np.cumsum((0.0, *SHARES))
    quantiles = edges[decided] + rng.random(len(labels)) * np.asarray(SHARES)[decided]
    normal = NormalDist()
    score = np.array([normal.inv_cdf(min(max(q, 1e-6), 1 - 1e-6)) for q in quantiles])
    seen: Floats = (_SEEN * score + np.sqrt(1 - _SEEN**2) * rng.standard_normal(len(labels))).astype(np.float32)
    return seen


def _ground(forage: Floats, fields: dict[str, Floats], rng: np.random.Generator) -> Floats:
    """Mix the surfaces: reflectance and temperature at the ground, (B, 11, 65, 65)."""
    size = len(forage)
    texture = fields["cover"] * _column(rng.uniform(0.5, 1.3, size))
    cover = expit(texture - _column(_near_centre(texture)) + _column(1.15 * forage - 0.7))
    green = expit(0.7 * fields["green"] + _column(rng.normal(0.9, 0.6, size)))
    bright = expit(0.9 * fields["bright"] + _column(rng.normal(-0.5, 1.0, size)))
    water = expit(9.0 * (fields["water"] - _column(rng.choice((1.5, 6.0), size, p=(0.12, 0.88)))))
    land = 1 - water
    abundance = np.stack(
        (
            cover * green * land,
            cover * (1 - green) * land,
            (1 - cover) * (1 - bright) * land,
            (1 - cover) * bright * land,
            water,
        ),
        axis=1,
    )
    varied = _SURFACES * np.exp(rng.normal(0.0, 0.07, (size, len(_SURFACES), 1)))
    varied *= np.exp(rng.normal(0.0, 0.025, (size, *_SURFACES.shape)))
    varied[..., _THERMAL] = _SURFACES[:, _THERMAL] + rng.normal(0.0, 5.0, (size, 1, 1))
    mixed: Floats = np.einsum("bshw,bsc->bchw", abundance, varied.astype(np.float32), optimize=True)
    light = np.exp(0.05 * fields["light"] + _column(rng.normal(0.0, 0.08, size)))
    mixed[:, _OPTICAL] *= light[:, None]
    return mixed


def _through_air(ground: Floats, fields: dict[str, Floats], rng: np.random.Generator) -> Floats:
    """Add haze, cirrus and cloud: what the sensor sees, (B, 11, 65, 65)."""
    size = len(ground)
    haze = np.exp(rng.normal(0.0, 0.3, size))
    clear = 1 - 0.08 * haze
    seen = ground
    seen[:, _OPTICAL] *= _column(clear)[:, None]
    seen += (_column(haze)[:, None] * _HAZE[:, None, None]).astype(np.float32)
    veil = np.maximum(fields["cirrus"] + 0.5, 0) * _column(rng.exponential(0.5, size) * (rng.random(size) < 0.3))
    seen += veil[:, None] * _CIRRUS[:, None, None]
    level = np.where(rng.random(size) < 0.25, rng.uniform(0.5, 3.0, size), 9.0)
    cloud = expit(5.0 * (fields["cloud"] - _column(level)))[:, None]
    seen += cloud * (_CLOUD[:, None, None] - seen)
    return seen


def _power_law_fields(exponents: npt.NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """Draw Gaussian fields of spectral density k^-exponent for (B, F) exponents: (B, F, 65, 65), mean 0, variance 1."""
    rows, columns = np.fft.fftfreq(_TORUS, 1 / _TORUS), np.fft.rfftfreq(_TORUS, 1 / _TORUS)
    wave = np.hypot(rows[:, None], columns)
    wave[0, 0] = np.inf  # no mean
    decay = np.exp(np.float32(-0.5) * exponents.astype(np.float32)[..., None, None] * np.log(wave).astype(np.float32))
    waves = rng.standard_normal((*decay.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    waves *= decay
    torus = scipy.fft.irfft2(waves, s=(_TORUS, _TORUS), overwrite_x=True)
    fields: Floats = torus[..., :SIDE, :SIDE]
    fields = fields - fields.mean(axis=(2, 3), keepdims=True)
    fields /= fields.std(axis=(2, 3), keepdims=True)
    return fields


def _near_centre(field: Floats) -> Floats:
    """Mean of (B, 65, 65) weighted by a Gaussian around the centre: (B,)."""
    offset = np.arange(SIDE) - SIDE // 2
    weight = np.exp(-0.5 * (offset / _NEAR) ** 2)
    weight /= weight.sum()
    mean: Floats = np.einsum("bhw,h,w->b", field, weight, weight, optimize=True).astype(np.float32)
    return mean


def _column(values: npt.NDArray[Any]) -> Floats:
    """Shape (B,) values for arithmetic with (B, H, W)."""
    column: Floats = values.astype(np.float32)[:, None, None]
    return column
