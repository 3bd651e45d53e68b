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

from raysat.data.bands import get_sensor
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


class RealPatches:
    """Real train patches of a class, and what holds between them, to compare other patches with."""

    def __init__(
        self, images: Images, classifier: Classifier, index: tuple[int, int] | None, device: torch.device
    ) -> None:
        """Measure the real patches among themselves.

        Args:
            images: real train patches (N, C, H, W).
            classifier: trained on the store's real train patches; its features are compared.
            index: positions of the vegetation index's two bands; None where the bands have none.
            device: where to compute differences between patches.
        """
        self.images, self._classifier, self._index, self._device = images, classifier, index, device
        self._features_ND = classifier.features(images)
        self._spread = [float(images[:, band].std(dtype=np.float64)) for band in range(images.shape[1])]
        self._rng = generator(_SEED, "quality", "kid")
        self._real_NCHW = normalised(images, images).to(device)
        self._pairwise = mean_pairwise(self._real_NCHW[:_PAIRED])
        alone = len(images) < 2
        self._nearest = 0.0 if alone else _median(nearest(self._real_NCHW[:_PAIRED], self._real_NCHW, same=True))

    def compare(self, generated: Images, held_out: Images, *, index: str | None) -> Quality:
        """Return how far other patches (M, C, H, W) are from the real ones; ``index`` names the vegetation index."""

        def both(distance: Callable[[Images], float | None]) -> Measure:
            return Measure(generated=distance(generated), held_out=distance(held_out))

        return Quality(
            real=len(self.images),
            held_out=len(held_out),
            generated=len(generated),
            kid=both(lambda images: kernel_distance(self._features_ND, self._classifier.features(images), self._rng)),
            wasserstein=tuple(both(partial(self._band_distance, band)) for band in range(self.images.shape[1])),
            index=index,
            index_distance=both(self._index_distance),
            diversity=both(lambda images: _ratio(mean_pairwise(self._some(images)), self._pairwise)),
            nearest_real=both(self._nearest_distance),
        )

    def _some(self, images: Images) -> Tensor:
        return normalised(images[:_PAIRED], self.images).to(self._device)

    def _band_distance(self, band: int, images: Images) -> float | None:
        return _ratio(value_distance(self.images[:, band], images[:, band]), self._spread[band])

    def _nearest_distance(self, images: Images) -> float | None:
        return _ratio(_median(nearest(self._some(images), self._real_NCHW)), self._nearest) if len(images) else None

    def _index_distance(self, images: Images) -> float | None:
        if self._index is None:
            return None
        return value_distance(_index_values(self.images, self._index), _index_values(images, self._index))


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
    held_out = _read(store, positions, SPLITS[1:], label=label)
    generated = generated[_some(len(generated), "generated")]
    index, index_bands = _index(bands, store.sensor) or (None, None)
    classifier = Classifier(store, positions, device=device, seed=_SEED)
    classifier.train(*_train_patches(store, positions))
    real = RealPatches(_read(store, positions, ("train",), label=label), classifier, index_bands, device)
    return real.compare(generated, held_out, index=index)


def train_on_synthetic(
    generated: Mapping[int, Images], store: PatchStore, bands: Sequence[str], *, device: torch.device | None = None
) -> SyntheticTraining | None:
    """Train a classifier on generated patches and test it on real ones, beside the same one trained on real patches.

    Args:
        generated: patches (N, C, H, W) by label, in the store's type and units. A class without any is trained on its
            real train patches, as the classifier needs every class.
        store: the real patches.
        bands: names of the bands of the generated patches.
        device: where to train; by default the CPU.

    Returns:
        Both accuracies; None where the store has no held-out patch.
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
