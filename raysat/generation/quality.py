"""How good generated patches of a class are: measures that stand beside the same measure between real patches.

Every distance to the real train patches has a yardstick: that of the real held-out patches (val and test) of the class
to the same train patches. A generator as good as more real data would reach it. All measures are computed in the
store's units, on at most ``PATCHES`` patches a side (drawn evenly by a fixed seed); None means too few patches.

    kid            KID (Binkowski et al. 2018) on the features of a small classifier trained on the real train patches
                   of all classes, in these bands; it knows these by heart, so its yardstick is on the high side
    wasserstein    1-Wasserstein distance of a band's pixel values, over their standard deviation in real train patches
    index          the same of a vegetation index, in its own unit: NDVI (Rouse et al. 1974) where there are nir and
                   red, else NDMI (nir and swir1; Gao 1996), else BNDVI (nir and blue; Wang et al. 2007)
    diversity      mean pairwise difference of patches over that of real train patches; 1 is as diverse, 0 collapsed
    nearest_real   median difference of a patch to its nearest real train patch in any symmetry of the square, over that
                   between real train patches (each left out in turn); well under 1 is a copy

Differences between patches are root mean squares of pixels over their band's standard deviation in real train patches.
Smooth patches lie nearer to all others than detailed ones do, so ``nearest_real`` below 1 alone proves no copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.data.sensors import get_sensor
from raysat.data.store import SPLITS, PatchStore
from raysat.generation.classifier import Classifier, Images
from raysat.generation.distances import kernel_distance, mean_pairwise, nearest, value_distance
from raysat.metrics.confusion import from_predictions
from raysat.metrics.synthetic import Measure, Quality, SyntheticTraining
from raysat.training.seeding import generator

PATCHES: Final = 2000  # a side
_PAIRED: Final = 256  # patches a side whose pairwise differences are taken
_REPEATS: Final = 3  # classifiers, whose mean accuracy is reported
_SEED: Final = 0  # not the GAN's: all generators of a store are judged on the same features
_INDICES: Final = (("NDVI", "nir", "red"), ("NDMI", "nir", "swir1"), ("BNDVI", "nir", "blue"))
_STAND_IN: Final = {"nir": "nir_narrow"}


def measure(
    generated: Images, store: PatchStore, *, label: int, bands: Sequence[str], device: torch.device | None = None
) -> Quality:
    """Compare generated patches with the real ones of their class; return each measure of both.

    Args:
        generated: patches (N, C, H, W) in the store's type and units.
        store: the real patches.
        label: the class.
        bands: names of the bands of the generated patches.
        device: where to compute; by default the CPU.
    """
    device = device or torch.device("cpu")
    positions = [store.bands.index(band) for band in bands]
    real = _read(store, positions, ("train",), label=label)
    held_out = _read(store, positions, SPLITS[1:], label=label)
    generated = generated[_some(len(generated), "generated")]
    index, pair = _index(bands, store.sensor) or (None, None)
    classifier = Classifier(store, positions, device=device, seed=_SEED)
    classifier.train(*_train_patches(store, positions))
    features_ND, rng = classifier.features(real), generator(_SEED, "quality", "kid")
    real_NCHW = normalised(real, real).to(device)
    pairwise = mean_pairwise(real_NCHW[:_PAIRED])
    apart = _median(nearest(real_NCHW[:_PAIRED], real_NCHW, same=True)) if len(real) > 1 else 0.0

    def kid(images: Images) -> float | None:
        return kernel_distance(features_ND, classifier.features(images), rng)

    def band_distance(band: int, images: Images) -> float | None:
        spread = float(real[:, band].std(dtype=np.float64))
        return _ratio(value_distance(real[:, band], images[:, band]), spread)

    def index_distance(images: Images) -> float | None:
        return value_distance(_index_values(real, pair), _index_values(images, pair)) if pair else None

    def scaled(images: Images) -> Tensor:
        return normalised(images[:_PAIRED], real).to(device)

    def diversity(images: Images) -> float | None:
        return _ratio(mean_pairwise(scaled(images)), pairwise)

    def nearest_real(images: Images) -> float | None:
        return _ratio(_median(nearest(scaled(images), real_NCHW)), apart) if len(images) else None

    def both(distance: Callable[[Images], float | None]) -> Measure:
        return Measure(generated=distance(generated), held_out=distance(held_out))

    return Quality(
        real=len(real),
        held_out=len(held_out),
        generated=len(generated),
        kid=both(kid),
        wasserstein=tuple(both(partial(band_distance, band)) for band in range(len(bands))),
        index=index,
        index_distance=both(index_distance),
        diversity=both(diversity),
        nearest_real=both(nearest_real),
    )


def train_on_synthetic(
    generated: Mapping[int, Images], store: PatchStore, bands: Sequence[str], *, device: torch.device | None = None
) -> SyntheticTraining | None:
    """Train a classifier on generated patches and test it on real ones, beside the same one trained on real patches.

    Return both accuracies, or None where the store has no held-out patch.

    Args:
        generated: patches (N, C, H, W) by label, in the store's type and units. A class without any is trained on its
            real train patches, as the classifier needs every class.
        store: the real patches.
        bands: names of the bands of the generated patches.
        device: where to train; by default the CPU.
    """
    rows = np.flatnonzero(store.splits != 0)
    if not len(rows):
        return None
    device = device or torch.device("cpu")
    positions = [store.bands.index(band) for band in bands]
    real, labels = _train_patches(store, positions)
    parts = [(real[labels == label], label) for label in range(len(store.classes)) if label not in generated]
    parts += [(images[_some(len(images), "synthetic")], label) for label, images in sorted(generated.items())]
    mixed = np.concatenate([images for images, _ in parts])
    mixed_labels = np.concatenate([np.full(len(images), label, np.int64) for images, label in parts])
    rows = rows[_some(len(rows), "held out")]
    held_out, truth = _take(store, rows, positions), store.labels[rows]

    def accuracy(images: Images, targets: npt.NDArray[np.int64], seed: int) -> float:
        classifier = Classifier(store, positions, device=device, seed=seed)
        classifier.train(images, targets)
        return from_predictions(truth, classifier.predict(held_out)).balanced_accuracy

    seeds = range(_SEED, _SEED + _REPEATS)
    return SyntheticTraining(
        synthetic=float(np.mean([accuracy(mixed, mixed_labels, seed) for seed in seeds])),
        real=float(np.mean([accuracy(real, labels, seed) for seed in seeds])),
        held_out=len(rows),
        repeats=_REPEATS,
        from_real=tuple(name for label, name in enumerate(store.classes) if label not in generated),
    )


def _read(store: PatchStore, bands: Sequence[int], splits: Sequence[str], *, label: int) -> Images:
    rows = np.flatnonzero(np.isin(store.splits, [SPLITS.index(split) for split in splits]) & (store.labels == label))
    return _take(store, rows[_some(len(rows), "real")], bands)


def _take(store: PatchStore, rows: npt.NDArray[np.int64], bands: Sequence[int]) -> Images:
    taken: Images = store.images[np.ix_(rows, np.asarray(bands, np.int64))]
    return taken


def _train_patches(store: PatchStore, bands: Sequence[int]) -> tuple[Images, npt.NDArray[np.int64]]:
    """Real train patches of all classes, of each its share of ``PATCHES`` at most, and their labels."""
    parts = [_read(store, bands, ("train",), label=label) for label in range(len(store.classes))]
    parts = [part[: max(PATCHES // len(parts), 8)] for part in parts]
    labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate(parts), labels


def _some(count: int, purpose: str) -> npt.NDArray[np.int64]:
    """Positions of up to ``PATCHES`` of ``count`` patches, in random order, so that any head of them is a fair part."""
    return generator(_SEED, "quality", purpose).permutation(count)[:PATCHES]


def _index(bands: Sequence[str], sensor: str | None) -> tuple[str, tuple[int, int]] | None:
    """The vegetation index that the bands allow: its name, and the positions of its two bands."""

    def position(role: str) -> int | None:
        known = (get_sensor(sensor or "").by_role(name) for name in (role, _STAND_IN.get(role, role)))
        return next((bands.index(band.name) for band in known if band and band.name in bands), None)

    for name, *roles in _INDICES if sensor else ():
        first, second = map(position, roles)
        if first is not None and second is not None:
            return name, (first, second)
    return None


def _index_values(images: Images, pair: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(a - b) / (a + b) of every pixel, in [-1, 1]; pixels without light are left out."""
    a, b = (images[:, band].astype(np.float64).ravel() for band in pair)
    lit = a + b > 0
    values: npt.NDArray[np.float64] = np.clip((a[lit] - b[lit]) / (a[lit] + b[lit]), -1.0, 1.0)
    return values


def normalised(images: Images, real: Images) -> Tensor:
    """Patches over the standard deviation of each band in real ones, as float32 about 0."""
    mean, std = (np.asarray(of(real, axis=(0, 2, 3), dtype=np.float64))[:, None, None] for of in (np.mean, np.std))
    centred = images.astype(np.float32) - mean.astype(np.float32)
    return torch.from_numpy(centred / np.where(std > 0, std, 1.0).astype(np.float32))


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def _median(differences_N: Tensor) -> float:
    return float(differences_N.median())
