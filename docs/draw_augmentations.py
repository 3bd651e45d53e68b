"""Draws what augmentations make of EuroSAT patches, as true colour, for ``docs/methods/augmentation.md``.

python docs/draw_augmentations.py --patches DIR --out docs/img/augmentations.png
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import rasterio
import torch
from PIL import Image
from torch import Tensor

from raysat.config.families.images import Augment, BandDropout, NoAugment, SpectralJitter, TrivialAugment
from raysat.config.families.mixing import BalancedMixUp, CutMix, Remix
from raysat.training.batch import step_inputs, views
from raysat.training.patches import Scale
from raysat.training.sampling import Batch, TrainSplit

SHOWN: Final = 5  # patches a row
RED_GREEN_BLUE: Final = (3, 2, 1)  # B04, B03, B02
ROWS: Final[dict[str, Augment]] = {
    "none": NoAugment(),
    "balanced_mixup, alpha 2": BalancedMixUp(alpha=2.0),
    "remix, flips": Remix(flips=True),
    "cutmix": CutMix(probability=1.0),
    "trivial_augment": TrivialAugment(),
    "band_dropout": BandDropout(),
    "spectral_jitter": SpectralJitter(),
}


def main() -> None:
    """Read patches, augment them, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    pixels_NCHW, labels_N = read(given.patches)
    scale = scale_of(pixels_NCHW)
    figure, axes = plt.subplots(len(ROWS), SHOWN, figsize=(SHOWN * 1.05, len(ROWS) * 1.05))
    for row, (name, augment) in enumerate(ROWS.items()):
        for axis, picture in zip(axes[row], pictures(augment, pixels_NCHW, labels_N, scale), strict=True):
            axis.imshow(picture)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        axes[row][0].set_title(name, loc="left", fontsize=7, pad=2)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.975, wspace=0.03, hspace=0.17)
    figure.canvas.draw()
    rgb = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    Image.fromarray(rgb).quantize(128).save(given.out, optimize=True)


def read(folder: Path) -> tuple[Tensor, np.ndarray]:
    """The training patches (N, C, H, W) and their labels (N,)."""
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    names = sorted({row["label"] for row in rows})
    images = []
    for row in rows:
        with rasterio.open(folder / row["path"]) as source:
            images.append(source.read().astype(np.float32))
    return torch.from_numpy(np.stack(images)), np.array([names.index(row["label"]) for row in rows], dtype=np.uint8)


def scale_of(pixels_NCHW: Tensor) -> Scale:
    """Each band's mean, deviation and range, without the brightest and darkest hundredth."""
    bands_CP = pixels_NCHW.transpose(0, 1).flatten(1)
    low, high = (torch.from_numpy(np.quantile(bands_CP.numpy(), part, axis=1)).float() for part in (0.01, 0.99))
    columns = (bands_CP.mean(1), bands_CP.std(1), low, high - low)
    mean, std, low, span = (column[:, None, None] for column in columns)
    return Scale(mean=mean, std=std, low=low, span=span)


def pictures(augment: Augment, pixels_NCHW: Tensor, labels_N: np.ndarray, scale: Scale) -> list[np.ndarray]:
    """What the network would see of some patches, in true colour."""
    rng = np.random.default_rng(6)
    positions = rng.permutation(len(labels_N))[: 4 * SHOWN]
    counts = np.bincount(labels_N)
    inputs = step_inputs(
        augment,
        Batch(positions=positions, labels=labels_N[positions], size=(pixels_NCHW.shape[2], pixels_NCHW.shape[3])),
        rng,
        split=TrainSplit(labels_N, counts, bands=pixels_NCHW.shape[1]),
        weights_K=np.ones(len(counts)),
        lr=0.0,
        momenta=[],
    )
    (seen_BCHW,) = views(augment, pixels_NCHW[inputs.view.positions_n], scale, inputs.view.drawn)
    unit_BCHW = scale.to_unit(seen_BCHW * scale.std + scale.mean)[:SHOWN, list(RED_GREEN_BLUE)]
    return list(unit_BCHW.permute(0, 2, 3, 1).numpy())


if __name__ == "__main__":
    mpl.use("Agg")
    main()
