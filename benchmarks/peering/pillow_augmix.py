"""AugMix of one patch by Pillow, band by band: what the authors' code does for each sample, on any number of bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Bytes = npt.NDArray[np.uint8]
Bands = list[Image.Image]  # 8 bits each


def view(patch_CHW: Bytes, rng: np.random.Generator, *, width: int = 3, depth: int = 3, severity: int = 3) -> Bytes:
    """Return a view: chains of random operations, mixed with each other and with the patch."""
    bands = [Image.fromarray(band) for band in patch_CHW]
    mixed_CHW = np.zeros(patch_CHW.shape, np.float32)
    for weight in rng.dirichlet([1.0] * width):
        chain = bands
        for _ in range(rng.integers(1, depth + 1)):
            chain = operate(chain, rng, severity)
        mixed_CHW += weight * np.stack([np.asarray(band) for band in chain])
    share = rng.beta(1.0, 1.0)
    return ((1 - share) * patch_CHW + share * mixed_CHW).astype(np.uint8)


def operate(bands: Bands, rng: np.random.Generator, severity: int) -> Bands:
    """Do one random operation to all bands."""
    level = rng.uniform(0.1, severity)
    signed = level * rng.choice((-1.0, 1.0))
    width, height = bands[0].size
    match rng.integers(9):
        case 0:
            return [ImageOps.autocontrast(band) for band in bands]
        case 1:
            return [ImageOps.equalize(band) for band in bands]
        case 2:
            return [ImageOps.posterize(band, 4 - int(level * 4 / 10)) for band in bands]
        case 3:
            return [ImageOps.solarize(band, 256 - int(level * 256 / 10)) for band in bands]
        case 4:
            return [band.rotate(int(signed * 30 / 10), resample=Image.Resampling.BILINEAR) for band in bands]
        case 5:
            matrix = (1.0, signed * 0.3 / 10, 0.0, 0.0, 1.0, 0.0)
        case 6:
            matrix = (1.0, 0.0, 0.0, signed * 0.3 / 10, 1.0, 0.0)
        case 7:
            matrix = (1.0, 0.0, float(int(signed * width / 3 / 10)), 0.0, 1.0, 0.0)
        case _:
            matrix = (1.0, 0.0, 0.0, 0.0, 1.0, float(int(signed * height / 3 / 10)))
    size, affine = (width, height), Image.Transform.AFFINE
    return [band.transform(size, affine, matrix, resample=Image.Resampling.BILINEAR) for band in bands]
