"""How good generated patches of a class are: figures that stand beside the same figure between real patches.

Every distance to the real train patches has a yardstick: that of the real held-out patches (val and test) of the class
to the same train patches. A generator as good as more real data would reach it. All figures are computed in the store's
units, on at most ``PATCHES`` patches a side (drawn evenly by a fixed seed); None means that there are too few patches.

    kid            KID (Binkowski et al. 2018) on the features of a small classifier trained on the real train patches
                   of all classes, in these bands; it knows these by heart, so its yardstick is on the high side
    wasserstein    1-Wasserstein distance of a band's pixel values, over their standard deviation in real train patches
    index          the same of a vegetation index, in its own unit: NDVI (Rouse et al. 1974) where nir and red are at
                   hand, else NDMI (nir and swir1; Gao 1996), else BNDVI (nir and blue; Wang et al. 2007)
    diversity      mean pairwise difference of patches over that of real train patches; 1 is as diverse, 0 collapsed
    nearest_real   median difference of a patch to its nearest real train patch in any symmetry of the square, over that
                   between real train patches (each left out in turn); well under 1 is a copy, as is a small ``least``

Differences between patches are root mean squares of pixels over their band's standard deviation in real train patches.
Smooth patches lie nearer to all others than detailed ones do, so ``nearest_real`` below 1 alone proves no copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.data.bands import get_sensor
from raysat.data.store import SPLITS, PatchStore
from raysat.generation.classifier import Classifier, Images
from raysat.generation.distances import kernel_distance, mean_pairwise, nearest, value_distance
from raysat.metrics.confusion import from_predictions
from raysat.training.seeding import generator

PATCHES: Final = 2000  # a side
_PAIRED: Final = 256  # patches a side whose pairwise differences are taken
_REPEATS: Final = 3  # classifiers, whose mean accuracy is reported
_SEED: Final = 0  # not the GAN's: all generators of a store are judged on the same features
_INDICES: Final = (("NDVI", "nir", "red"), ("NDMI", "nir", "swir1"), ("BNDVI", "nir", "blue"))
_STAND_IN: Final = {"nir": "nir_narrow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Figures of one generator; those that end in ``_held_out`` are yardsticks (see the module)."""

    real: int  # train patches of the class that were compared
    held_out: int
    generated: int
    kid: float | None
    kid_held_out: float | None
    wasserstein: tuple[float | None, ...]  # by band
    wasserstein_held_out: tuple[float | None, ...]
    index: str | None  # which one
    index_bands: tuple[str, str] | None
    index_distance: float | None
    index_distance_held_out: float | None
    diversity: float | None
    diversity_held_out: float | None
    diversity_pairs: int  # of generated patches
    nearest_real: float | None
    nearest_real_least: float | None  # of the most copied patch
    nearest_real_held_out: float | None
    nearest_real_least_held_out: float | None
    nearest_patches: int  # generated patches whose neighbour was sought

    def to_json(self) -> dict[str, Any]:
        """Return the figures as what JSON can hold."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticTraining:
    """Balanced accuracy on real held-out patches of a small classifier, by what it was trained on; means over seeds."""

    synthetic: float  # generated patches alone, but for ``from_real``
    real: float  # the real train patches
    held_out: int  # val and test patches
    repeats: int  # seeds
    from_real: tuple[str, ...]  # classes without a generator, which are trained on their real train patches


def measure(
    generated: Images, store: PatchStore, *, label: int, bands: Sequence[str], device: torch.device | None = None
) -> Quality:
    """Compare generated patches (N, C, H, W), in the store's type and units, with the real ones of their class."""
    device = device or torch.device("cpu")
    positions = [store.bands.index(band) for band in bands]
    real = _read(store, positions, ("train",), label=label)
    held_out = _read(store, positions, SPLITS[1:], label=label)
    generated = generated[_some(len(generated), "generated")]
    spread = [float(real[:, band].std(dtype=np.float64)) for band in range(len(bands))]
    index = _index(bands, store.sensor)

    def band_distances(images: Images) -> tuple[float | None, ...]:
        found = [value_distance(real[:, band], images[:, band]) for band in range(len(bands))]
        return tuple(d / std if d is not None and std > 0 else None for d, std in zip(found, spread, strict=True))

    def index_distance(images: Images) -> float | None:
        return None if index is None else value_distance(*(_index_values(each, index[2]) for each in (real, images)))

    classifier = Classifier(store, positions, device=device, seed=_SEED)
    classifier.train(*_train_patches(store, positions))
    features = [classifier.features(images) for images in (real, generated, held_out)]
    rng = generator(_SEED, "quality", "kid")
    real_t = normalised(real, real).to(device)
    generated_t, held_t = (normalised(images[:_PAIRED], real).to(device) for images in (generated, held_out))
    base = mean_pairwise(real_t[:_PAIRED])
    usual = float(nearest(real_t[:_PAIRED], real_t, same=True).median()) if len(real) > 1 else 0.0
    copies, neighbours = (_over(nearest(each, real_t), usual) for each in (generated_t, held_t))
    shown = min(_PAIRED, len(generated))
    return Quality(
        real=len(real),
        held_out=len(held_out),
        generated=len(generated),
        kid=kernel_distance(features[0], features[1], rng),
        kid_held_out=kernel_distance(features[0], features[2], rng),
        wasserstein=band_distances(generated),
        wasserstein_held_out=band_distances(held_out),
        index=index[0] if index else None,
        index_bands=index[1] if index else None,
        index_distance=index_distance(generated),
        index_distance_held_out=index_distance(held_out),
        diversity=_ratio(mean_pairwise(generated_t), base),
        diversity_held_out=_ratio(mean_pairwise(held_t), base),
        diversity_pairs=shown * (shown - 1) // 2,
        nearest_real=copies[0],
        nearest_real_least=copies[1],
        nearest_real_held_out=neighbours[0],
        nearest_real_least_held_out=neighbours[1],
        nearest_patches=shown,
    )


def train_on_synthetic(
    generated: Mapping[int, Images],
    store: PatchStore,
    bands: Sequence[str],
    *,
    device: torch.device | None = None,
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


def _index(bands: Sequence[str], sensor: str | None) -> tuple[str, tuple[str, str], tuple[int, int]] | None:
    """The vegetation index that the bands allow: name, bands, and their positions among the bands."""
    for name, *roles in _INDICES if sensor else ():
        known = [get_sensor(sensor or "").by_role(r) for role in roles for r in (role, _STAND_IN.get(role, role))]
        held = [next((b.name for b in known[i : i + 2] if b and b.name in bands), None) for i in (0, 2)]
        if held[0] and held[1]:
            return name, (held[0], held[1]), (bands.index(held[0]), bands.index(held[1]))
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


def _over(differences_N: Tensor, usual: float) -> tuple[float | None, float | None]:
    """Median and least of differences, over what is usual between real patches."""
    if not len(differences_N) or usual <= 0:
        return None, None
    return float(differences_N.median()) / usual, float(differences_N.min()) / usual
