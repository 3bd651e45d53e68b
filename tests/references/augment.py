"""Augmentations beside formulas written anew, on the same random numbers, and beside other libraries."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from raysat.config.families.images import Augment, BandDropout, SpectralJitter, TrivialAugment
from raysat.config.families.mixing import BalancedMixUp, CutMix, Remix
from raysat.training.augment import trivial
from raysat.training.batch import step_inputs, views
from raysat.training.patches import Scale
from raysat.training.sampling import Batch, TrainSplit
from raysat.training.step_inputs import Partners, StepInputs
from tests.references.registry import Pair, compared

COUNTS_K, BANDS, SIZE, CLASSES = np.array([60, 16, 15, 9]), 5, (14, 17), 4
SEED, PATCHES = 11, 64
_RNG = np.random.default_rng(2)
LABELS_N = _RNG.permutation(np.repeat(np.arange(CLASSES, dtype=np.uint8), COUNTS_K))
PIXELS_NCHW = _RNG.integers(0, 256, (len(LABELS_N), BANDS, *SIZE)).astype(np.float32)
MEAN_C, STD_C = _RNG.uniform(90, 150, BANDS).astype(np.float32), _RNG.uniform(30, 80, BANDS).astype(np.float32)
POSITIONS_B = _RNG.permutation(len(LABELS_N))[:PATCHES]


def scale() -> Scale:
    """Bands of 8 bits, each with a mean and deviation of its own."""
    ones = torch.ones(BANDS, 1, 1)
    mean, std = (torch.from_numpy(values)[:, None, None] for values in (MEAN_C, STD_C))
    return Scale(mean=mean, std=std, low=0 * ones, span=255 * ones)


def normal(pixels: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.float64) - MEAN_C[:, None, None]) / STD_C[:, None, None]


def ours(augment: Augment) -> tuple[np.ndarray, StepInputs]:
    """A view of the batch, (B, C, H, W), and what raysat drew for it."""
    inputs = step_inputs(
        augment,
        Batch(positions=POSITIONS_B, labels=LABELS_N[POSITIONS_B], size=SIZE),
        np.random.default_rng(SEED),
        split=TrainSplit(LABELS_N, COUNTS_K, bands=BANDS),
        weights_K=np.ones(CLASSES),
        lr=0.1,
        momenta=[],
    )
    pixels = torch.from_numpy(PIXELS_NCHW[inputs.view.positions_n.numpy()])
    (view,) = views(augment, pixels, scale(), inputs.view.drawn)
    return view.numpy(), inputs


def soft_labels(inputs: StepInputs) -> np.ndarray:
    """The labels of mixed patches, (B, K)."""
    assert isinstance(inputs.update.partners, Partners)
    own, partner = np.broadcast_to(inputs.update.partners.shares.numpy().T, (PATCHES, 2)).T
    eye = np.eye(CLASSES)
    return own[:, None] * eye[inputs.update.labels_b] + partner[:, None] * eye[inputs.update.partners.labels_b]


def pixels_and_labels(pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.concatenate((pixels.reshape(PATCHES, -1), labels), axis=1)


@compared("augment.balanced_mixup", by="Galdran et al. 2021's code, in NumPy", within=1e-5)
def _balanced_mixup() -> Pair:
    view, inputs = ours(BalancedMixUp(alpha=2.0))
    rng = np.random.default_rng(SEED)
    lam = rng.beta(2.0, 1)
    chance = sum((label == LABELS_N) / count / CLASSES for label, count in enumerate(COUNTS_K))
    balanced = np.array([int((np.cumsum(chance) <= number).sum()) for number in rng.random(PATCHES)])
    eye = np.eye(CLASSES)
    pixels = (1 - lam) * normal(PIXELS_NCHW[POSITIONS_B]) + lam * normal(PIXELS_NCHW[balanced])
    labels = (1 - lam) * eye[LABELS_N[POSITIONS_B]] + lam * eye[LABELS_N[balanced]]
    return pixels_and_labels(view, soft_labels(inputs)), pixels_and_labels(pixels, labels)


@compared("augment.remix", by="Chou et al. 2020, eq. 10, in NumPy", within=1e-5)
def _remix() -> Pair:
    view, inputs = ours(Remix(kappa=3.0, tau=0.9))
    rng = np.random.default_rng(SEED)
    lam, partners = rng.beta(1.0, 1.0), rng.permutation(PATCHES)
    labels = np.zeros((PATCHES, CLASSES))
    own_labels = LABELS_N[POSITIONS_B]
    for number, (own, partner) in enumerate(zip(own_labels, own_labels[partners], strict=True)):
        n_i, n_j, share = COUNTS_K[own], COUNTS_K[partner], lam
        if n_i / n_j >= 3 and lam < 0.9:
            share = 0
        if n_i / n_j <= 1 / 3 and 1 - lam < 0.9:
            share = 1
        labels[number, own] += share
        labels[number, partner] += 1 - share
    own = normal(PIXELS_NCHW[POSITIONS_B])
    pixels = lam * own + (1 - lam) * own[partners]
    return pixels_and_labels(view, soft_labels(inputs)), pixels_and_labels(pixels, labels)


def _cutmix_numbers() -> tuple[float, list[int], np.ndarray]:
    """What a batch draws: lambda, the centre's row and column, the partners."""
    rng = np.random.default_rng(SEED)
    rng.random()
    lam = rng.beta(1.0, 1.0)
    return lam, [int(rng.integers(length)) for length in SIZE], rng.permutation(PATCHES)


@compared("augment.cutmix", by="Yun et al. 2019's code, in NumPy", within=1e-5)
def _cutmix() -> Pair:
    view, inputs = ours(CutMix(probability=1.0))
    lam, centre, partners = _cutmix_numbers()
    cut = [int(length * math.sqrt(1 - lam)) for length in SIZE]
    (top, bottom), (left, right) = (
        np.clip((middle - side // 2, middle + side // 2), 0, length)
        for middle, side, length in zip(centre, cut, SIZE, strict=True)
    )
    own = normal(PIXELS_NCHW[POSITIONS_B])
    pixels = own.copy()
    pixels[:, :, top:bottom, left:right] = own[partners][:, :, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / math.prod(SIZE)
    eye = np.eye(CLASSES)[LABELS_N[POSITIONS_B]]
    return pixels_and_labels(view, soft_labels(inputs)), pixels_and_labels(
        pixels, share * eye + (1 - share) * eye[partners]
    )


@compared("augment.cutmix", by="torchvision's v2.CutMix", within=1e-5)
def _cutmix_of_torchvision() -> Pair:
    view, inputs = ours(CutMix(probability=1.0))
    lam, (row, column), partners = _cutmix_numbers()
    theirs = v2.CutMix(num_classes=CLASSES)
    own, labels_all = torch.from_numpy(normal(PIXELS_NCHW[POSITIONS_B])), LABELS_N[POSITIONS_B].astype(np.int64)
    found = []
    for number, partner in enumerate(partners):  # theirs pairs each with the one before
        pair, labels = own[[partner, number]], torch.from_numpy(labels_all[[partner, number]])
        drawn = [torch.tensor([column]), torch.tensor([row])]
        with patch.object(theirs._dist, "sample", lambda shape: torch.tensor(lam)), patch("torch.randint") as randint:
            randint.side_effect = drawn
            mixed, soft = theirs(pair, labels)
        found.append(np.concatenate((mixed[1].numpy().ravel(), soft[1].numpy())))
    return pixels_and_labels(view, soft_labels(inputs)), np.stack(found)


@compared("augment.band_dropout", by="a loop over patches and bands, in NumPy", within=1e-5)
def _band_dropout() -> Pair:
    view, _ = ours(BandDropout(probability=0.8))
    rng = np.random.default_rng(SEED)
    numbers, saved = rng.random((PATCHES, BANDS)), rng.integers(BANDS, size=PATCHES)
    pixels = normal(PIXELS_NCHW[POSITIONS_B])
    for number in range(PATCHES):
        dropped = [band for band in range(BANDS) if numbers[number, band] < 0.8]
        if len(dropped) == BANDS:
            dropped.remove(saved[number])
        for band in dropped:
            pixels[number, band] = 0
    return view, pixels


def _splitmix64(seed: int, index: int) -> int:
    """The number of this index, from 1, of the generator of Steele et al. 2014, as Vigna's C code has it."""
    mask = 2**64 - 1
    z = (seed + index * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


@compared("augment.spectral_jitter", by="store's units, SplitMix64 and Box-Muller, in Python", within=1e-5)
def _spectral_jitter() -> Pair:
    settings = SpectralJitter(gain=0.3, offset=0.5, noise=0.2)
    view, _ = ours(settings)
    rng = np.random.default_rng(SEED)
    gain, offset = rng.uniform(0.7, 1.3, (PATCHES, BANDS)), rng.uniform(-0.5, 0.5, (PATCHES, BANDS))
    seeds, count = rng.integers(2**63, size=PATCHES), BANDS * math.prod(SIZE)
    mean, std = (values.astype(np.float64)[:, None, None] for values in (MEAN_C, STD_C))
    found = []
    for number, pixels in enumerate(PIXELS_NCHW[POSITIONS_B].astype(np.float64)):
        mixed = [_splitmix64(int(seeds[number]), index + 1) for index in range((count + 1) // 2)]
        radius = [math.sqrt(-2 * math.log(((each >> 40) + 0.5) / 2**24)) for each in mixed]
        angle = [2 * math.pi * (each >> 8 & 2**24 - 1) / 2**24 for each in mixed]
        turned = [r * part(a) for part in (math.cos, math.sin) for r, a in zip(radius, angle, strict=True)]
        noise = np.array(turned[:count]).reshape(pixels.shape)
        level = mean + gain[number][:, None, None] * (pixels - mean)
        changed = level + offset[number][:, None, None] * std + 0.2 * std * noise
        found.append((changed - mean) / std)
    return view, np.stack(found)


def trivial_operation(band: np.ndarray, name: str, strength: int, sign: float) -> np.ndarray:
    """One operation of automl/trivialaugment's wide space on a band of 8 bits, as float levels: by Pillow, torchvision.

    Args:
        band: (H, W).
        name: of the operation.
        strength: 0 to 30.
        sign: of a turn or move.
    """
    image, unit = Image.fromarray(band), torch.from_numpy(band)[None].float() / 255
    smooth, (height, width) = Image.fromarray(band.astype(np.float32)), band.shape
    part, bilinear, affine = strength / 30, Image.Resampling.BILINEAR, Image.Transform.AFFINE
    changed: Any
    match name:
        case "identity":
            changed = image
        case "autocontrast":
            changed = ImageOps.autocontrast(image)
        case "equalize":
            changed = ImageOps.equalize(image)
        case "posterize":
            changed = ImageOps.posterize(image, 8 - int(strength * 6 / 30))
        case "solarize":
            changed = ImageOps.solarize(image, 256 - int(strength * 256 / 30))
        case "brightness" | "contrast" | "sharpness":
            adjust = getattr(tv, f"adjust_{name}")
            changed = 255 * adjust(unit, part * (2 - 0.01) + 0.01)[0].numpy()
        case "rotate":
            changed = smooth.rotate(sign * int(strength * 135 / 30), bilinear)
        case "shear_x":
            changed = smooth.transform((width, height), affine, (1, sign * part * 0.99, 0, 0, 1, 0), bilinear)
        case "shear_y":
            changed = smooth.transform((width, height), affine, (1, 0, 0, sign * part * 0.99, 1, 0), bilinear)
        case "translate_x":
            pixels = sign * int(strength * min(32, width) / 30)
            changed = smooth.transform((width, height), affine, (1, 0, pixels, 0, 1, 0), bilinear)
        case "translate_y":
            pixels = sign * int(strength * min(32, height) / 30)
            changed = smooth.transform((width, height), affine, (1, 0, 0, 0, 1, pixels), bilinear)
        case _:
            raise AssertionError(name)
    return np.array(changed, dtype=np.float64)


@compared("augment.trivial_augment", by="Pillow and torchvision, band by band", within=1e-3)
def _trivial_augment() -> Pair:
    view, _ = ours(TrivialAugment())
    drawn = trivial.draw(PATCHES, np.random.default_rng(SEED))
    found = np.stack(
        [
            [
                trivial_operation(band, trivial.OPERATIONS[operation], int(strength), float(sign))
                for band in PIXELS_NCHW[position].astype(np.uint8)
            ]
            for position, operation, strength, sign in zip(POSITIONS_B, *drawn, strict=True)
        ]
    )
    return view, normal(found)
