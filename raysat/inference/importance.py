"""How much a model rests on each band: what it loses where the band is another patch's (permutation importance).

Breiman 2001, "Random forests", Mach. Learn. 45, sec. 10; Fisher, Rudin & Dominici 2019, "All models are wrong, but many
are useful", JMLR 20(177): the model is kept, and a band's whole patch, texture included, is that of another test patch
drawn at random. One of several bands that say the same is missed little: groups of such bands are permuted together,
and all bands too, which is what guessing costs. All models of a run get the same permutations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from raysat.data.band_groups import band_groups
from raysat.data.model_inputs import ModelInputs
from raysat.data.patch_store import PatchStore
from raysat.inference.classifier import Classifier
from raysat.storage.explanations import ALL_BANDS, BandGroup, Hits, Importance
from raysat.training.device import EVALUATION_BATCH

_SEED: Final = 0

Rows = npt.NDArray[np.int64]


def importance_subject(inputs: ModelInputs, repeats: int) -> Importance:
    """What is permuted for a model: each of its bands, groups of them, and all."""
    single = [BandGroup(name=band, bands=(band,)) for band in inputs.bands]
    groups = [BandGroup(name=name, bands=bands) for name, bands in band_groups(inputs.bands, inputs.sensor).items()]
    every = [BandGroup(name=ALL_BANDS, bands=inputs.bands)] if len(inputs.bands) > 1 else []
    return Importance(repeats=repeats, groups=(*single, *groups, *every))


def permutations(patches: int, repeats: int) -> Rows:
    """Return (R, N): the patch whose bands each patch gets, the same for whoever asks."""
    return np.stack([np.random.default_rng([_SEED, repeat]).permutation(patches) for repeat in range(repeats)])


def permuted_hits(
    model: Classifier, store: PatchStore, rows: Rows, subject: Importance, progress: Callable[[int], None]
) -> Hits:
    """Classify patches as they are and with bands of others.

    Args:
        model: which classifies.
        store: of the patches.
        rows: (N,) their positions in the store.
        subject: which bands are permuted, and how often.
        progress: called with the patches classified since the last call.

    Returns:
        Which are right, and how often.

    Raises:
        StoreError: the store cannot be read.
    """
    bands, names = [store.bands.index(band) for band in model.inputs.bands], model.inputs.bands
    channels = [[names.index(band) for band in group.bands] for group in subject.groups]
    labels, donors_RN = store.labels[rows], permutations(len(rows), subject.repeats)
    predicted = np.empty(len(rows), np.uint8)
    hits = np.zeros((len(channels), len(rows)), np.uint8)
    for start in range(0, len(rows), EVALUATION_BATCH):
        batch = slice(start, start + EVALUATION_BATCH)
        patches = model.to_device(store.images[rows[batch]][:, bands])
        predicted[batch] = _predicted(model, patches)
        progress(len(patches))
        for donors_N in donors_RN:
            others = model.to_device(store.images[rows[donors_N[batch]]][:, bands])
            for group, changed in enumerate(channels):
                if len(changed) == len(bands) > 1:
                    continue  # these are the predictions of other patches, below
                mixed = patches.clone()
                mixed[:, changed] = others[:, changed]
                hits[group, batch] += _predicted(model, mixed) == labels[batch]
                progress(len(mixed))
    for group, changed in enumerate(channels):
        if len(changed) == len(bands) > 1:
            hits[group] = (predicted[donors_RN] == labels).sum(axis=0)
    return Hits(labels=labels, indices=rows, right=(predicted == labels).astype(np.uint8), hits=hits)


def cost(subject: Importance, patches: int) -> int:
    """How many patches are classified for it."""
    return patches * (1 + subject.repeats * sum(group.name != ALL_BANDS for group in subject.groups))


def _predicted(model: Classifier, patches_BCHW: torch.Tensor) -> npt.NDArray[np.uint8]:
    found: npt.NDArray[np.uint8] = model.posterior(patches_BCHW).argmax(dim=1).to(torch.uint8).cpu().numpy()
    return found
