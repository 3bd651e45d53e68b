"""Where a model looks: what its probability of the true class loses as a square of the patch is covered.

Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", ECCV, sec. 4.2. The square is filled with
the bands' means over the train split, which normalisation turns into zeros; each pixel has the mean loss over the
squares that cover it. What is below zero spoke against the true class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from raysat.data.model_inputs import ModelInputs
from raysat.data.patch_store import PatchStore
from raysat.inference.classifier import Classifier
from raysat.storage.explanations import Heat, Occlusion
from raysat.training.device import EVALUATION_BATCH


def occlusion_subject(inputs: ModelInputs, positions: Sequence[int]) -> Occlusion:
    """Which squares cover patches of a model: a fifth of a side, each moved by a third of itself."""
    mask = max(1, round(min(inputs.height, inputs.width) / 5))
    stride = max(1, mask // 3)
    return Occlusion(positions=tuple(positions), mask=mask, stride=stride, height=inputs.height, width=inputs.width)


def places(side: int, mask: int, stride: int) -> list[int]:
    """Return where squares begin along a side, so that every pixel is covered.

    Args:
        side: of the patch, in pixels.
        mask: side of a square.
        stride: from one square to the next.
    """
    return [*range(0, side - mask, stride), side - mask]


def cost(subject: Occlusion) -> int:
    """How many patches are classified for it."""
    squares = [len(places(side, subject.mask, subject.stride)) for side in (subject.height, subject.width)]
    return len(subject.positions) * (1 + squares[0] * squares[1])


def occluded(model: Classifier, store: PatchStore, subject: Occlusion, progress: Callable[[int], None]) -> Heat:
    """Cover patches square by square.

    Args:
        model: which classifies.
        store: of the patches.
        subject: which patches and which squares.
        progress: called with the patches classified since the last call.

    Returns:
        What each pixel counts.

    Raises:
        StoreError: the store cannot be read.
    """
    rows = np.array(subject.positions, np.int64)
    bands = [store.bands.index(band) for band in model.inputs.bands]
    patches = model.to_device(store.images[rows][:, bands])
    labels = store.labels[rows]
    probabilities = model.posterior(patches).cpu().numpy()
    progress(len(rows))
    found = probabilities[np.arange(len(rows)), labels]
    drops = [
        _drop(model, patch, int(label), float(before), subject, progress)
        for patch, label, before in zip(patches, labels, found, strict=True)
    ]
    return Heat(
        labels=labels,
        indices=rows,
        predicted=probabilities.argmax(axis=1).astype(np.uint8),
        probability=found,
        drop=np.stack(drops).astype(np.float32).reshape(len(rows), -1),
    )


def _drop(
    model: Classifier,
    patch_CHW: torch.Tensor,
    label: int,
    before: float,
    subject: Occlusion,
    progress: Callable[[int], None],
) -> npt.NDArray[np.float64]:
    """The mean loss (H, W) of the true class's probability over the squares that cover a pixel."""
    mask, size = subject.mask, (subject.height, subject.width)
    tops, lefts = (places(side, mask, subject.stride) for side in size)
    corners = [(top, left) for top in tops for left in lefts]
    mean = torch.tensor([band.mean for band in model.inputs.stats], device=patch_CHW.device)[:, None, None]
    total, covered = np.zeros(size), np.zeros(size)
    for start in range(0, len(corners), EVALUATION_BATCH):
        batch = corners[start : start + EVALUATION_BATCH]
        hidden = patch_CHW.repeat(len(batch), 1, 1, 1)
        for each, (top, left) in zip(hidden, batch, strict=True):
            each[:, top : top + mask, left : left + mask] = mean
        after = model.posterior(hidden)[:, label].cpu().numpy().astype(np.float64)
        for (top, left), value in zip(batch, after, strict=True):
            place = (slice(top, top + mask), slice(left, left + mask))
            total[place] += before - value
            covered[place] += 1
        progress(len(batch))
    return total / covered
