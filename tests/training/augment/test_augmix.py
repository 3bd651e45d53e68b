"""AugMix: its draws, its mixing, and what a user may count on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from scipy import stats

from raysat.config.families.images import AugMix
from raysat.training.augment import augmix, image_ops
from raysat.training.patches import Scale, as_float

SEEDS = st.integers(0, 2**32 - 1)


def scale_of(low: list[float], high: list[float]) -> Scale:
    def column(values: list[float]) -> torch.Tensor:
        return torch.tensor(values)[:, None, None]

    ones = [1.0] * len(low)
    return Scale(
        mean=column(ones),
        std=column(ones),
        low=column(low),
        span=column([b - a for a, b in zip(low, high, strict=True)]),
    )


def views_of(unit: torch.Tensor, drawn: augmix.Draw) -> torch.Tensor:
    return augmix.augmented_views(unit, augmix.chains(drawn, height=unit.shape[2], width=unit.shape[3]))


def one_view(patches: torch.Tensor, member: AugMix, rng: np.random.Generator, scale: Scale) -> torch.Tensor:
    """A view of patches of any type, in their units."""
    unit = scale.to_unit(as_float(patches))
    (view,) = views_of(unit, augmix.draw(member, len(unit), rng))
    return scale.from_unit(view)


@given(
    seed=SEEDS,
    bands=st.sampled_from([1, 3, 11, 13]),
    dtype=st.sampled_from([torch.uint8, torch.uint16, torch.float32]),
    size=st.tuples(st.integers(5, 20), st.integers(5, 20)),
    width=st.integers(1, 4),
    depth=st.integers(1, 4),
    severity=st.integers(1, 10),
)
@settings(max_examples=60)
def test_a_view_keeps_shape_and_range(
    seed: int, bands: int, dtype: torch.dtype, size: tuple[int, int], width: int, depth: int, severity: int
) -> None:
    rng = np.random.default_rng(seed)
    match dtype:
        case torch.uint8:
            low, high = np.zeros(bands), np.full(bands, 255.0)
            pixels = rng.integers(0, 256, (4, bands, *size), dtype=np.uint8)
        case torch.uint16:
            low, high = rng.integers(0, 30000, bands).astype(float), rng.integers(30001, 65536, bands).astype(float)
            pixels = rng.uniform(low[:, None, None], high[:, None, None], (4, bands, *size)).astype(np.uint16)
        case _:
            low, high = rng.uniform(-3, 0, bands), rng.uniform(1, 4, bands)
            pixels = rng.uniform(low[:, None, None], high[:, None, None], (4, bands, *size)).astype(np.float32)
    patches = torch.from_numpy(pixels)
    scale = scale_of(low.tolist(), high.tolist())
    view = one_view(patches, AugMix(jsd=False, width=width, depth=depth, severity=severity), rng, scale)
    assert view.shape == patches.shape
    values, slack = view.numpy().astype(float), 1e-6 * np.maximum(abs(high), 1)[:, None, None]  # rounding of float32
    assert (values >= low[:, None, None] - slack).all()
    assert (values <= high[:, None, None] + slack).all()
    np.testing.assert_array_equal(patches.numpy(), pixels)  # the patches themselves stay


def test_views_differ_between_patches_and_seeds_but_not_between_runs() -> None:
    patches = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8).expand(6, -1, -1, -1)
    scale = scale_of([0.0] * 3, [255.0] * 3)
    first, again, other = (
        one_view(patches, AugMix(jsd=False), np.random.default_rng(seed), scale) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({view.numpy().tobytes() for view in first}) == 6


def test_draws_follow_the_paper() -> None:
    drawn = augmix.draw(AugMix(severity=3, alpha=0.7), 4000, np.random.default_rng(0))
    chains = (4000, 2, 3)
    assert drawn.operation.shape == (*chains, 3)
    assert stats.chisquare(np.bincount(drawn.operation.ravel(), minlength=9)).pvalue > 1e-4
    assert stats.chisquare(np.bincount(drawn.depth.ravel(), minlength=4)[1:]).pvalue > 1e-4
    assert stats.kstest(np.abs(drawn.level).ravel(), stats.uniform(0.1, 2.9).cdf).pvalue > 1e-4
    assert stats.binomtest(int((drawn.level > 0).sum()), drawn.level.size).pvalue > 1e-4
    np.testing.assert_allclose(drawn.chain_weight.sum(axis=2), 1)
    assert (
        stats.kstest(drawn.chain_weight[..., 0].ravel(), stats.beta(0.7, 1.4).cdf).pvalue > 1e-4
    )  # Dirichlet marginal
    assert stats.kstest(drawn.mixed_weight.ravel(), stats.beta(0.7, 0.7).cdf).pvalue > 1e-4


def pillow_operation(image: Image.Image, name: str, level: float) -> Image.Image:
    """google-research/augmix's augmentations.py, at a drawn level of 10 and with a sign."""
    (width, height), sign, size = image.size, np.sign(level), abs(level)
    match name:
        case "autocontrast":
            return ImageOps.autocontrast(image)
        case "equalize":
            return ImageOps.equalize(image)
        case "posterize":
            return ImageOps.posterize(image, 4 - int(size * 4 / 10))
        case "solarize":
            return ImageOps.solarize(image, 256 - int(size * 256 / 10))
        case "rotate":
            return image.rotate(sign * int(size * 30 / 10), Image.Resampling.BILINEAR)
        case "shear_x":
            matrix = (1, sign * size * 0.3 / 10, 0, 0, 1, 0)
        case "shear_y":
            matrix = (1, 0, 0, sign * size * 0.3 / 10, 1, 0)
        case "translate_x":
            matrix = (1, 0, sign * int(size * (width / 3) / 10), 0, 1, 0)
        case _:
            matrix = (1, 0, 0, 0, 1, sign * int(size * (height / 3) / 10))
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


@pytest.mark.parametrize("name", augmix.OPERATIONS)
def test_every_operation_is_pillows_on_rgb(name: str) -> None:
    """Tonal operations and whole-pixel moves to the bit.

    Elsewhere Pillow cuts off the fraction of an interpolated level, which ours keep: they lie within the level above
    Pillow's, give or take a hundredth.
    """
    rng = np.random.default_rng(augmix.OPERATIONS.index(name))
    for _ in range(30):
        grain = rng.integers(0, 256, (*rng.integers(4, 60, 2), 3), dtype=np.uint8)
        image = Image.fromarray(grain).resize(tuple(rng.integers(16, 70, 2)), Image.Resampling.BICUBIC)
        level = rng.choice((-1, 1)) * rng.uniform(0.1, 10)
        once = (1, 1, 1, 1)  # one patch, one view, one chain of one operation, and nothing of the clean patch
        drawn = augmix.Draw(
            operation=np.full(once, augmix.OPERATIONS.index(name)),
            level=np.full(once, level),
            depth=np.ones(once[:3], dtype=np.int64),
            chain_weight=np.ones(once[:3]),
            mixed_weight=np.ones(once[:2]),
        )
        unit = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
        ours = views_of(unit, drawn)[0, 0].permute(1, 2, 0).numpy() * 255
        expected = np.asarray(pillow_operation(image, name, level), dtype=np.float32)
        if name in ("rotate", "shear_x", "shear_y"):
            assert (ours - expected).min() > -0.01
            assert (ours - expected).max() < 1.01
        else:
            np.testing.assert_array_equal(ours.round(), expected)


def reference_operation(unit: torch.Tensor, name: str, level: float) -> torch.Tensor:
    """The operation on one patch (1, C, H, W): by batched code for the tonal ones, by Pillow for the warps."""
    size = abs(level)
    match name:
        case "autocontrast":
            return image_ops.adjust(unit, torch.tensor([[1.0, 8, 256]]))
        case "equalize":
            return image_ops.equalize(unit)
        case "posterize":
            return image_ops.adjust(unit, torch.tensor([[0.0, 4 - int(size * 4 / 10), 256]]))
        case "solarize":
            return image_ops.adjust(unit, torch.tensor([[0.0, 8, 256 - int(size * 256 / 10)]]))
        case _:
            return pillow_bands(unit, lambda band: pillow_operation(band, name, level))


def pillow_bands(unit: torch.Tensor, change) -> torch.Tensor:
    """Change each band as a float image in Pillow, which then interpolates without rounding."""
    return torch.stack([torch.from_numpy(np.array(change(Image.fromarray(band.numpy())))) for band in unit[0]])[None]


@pytest.mark.parametrize("severity", [3, 10])
def test_batched_chains_equal_one_patch_at_a_time(severity: int) -> None:
    """The folded, masked computation against plain loops over patches, views, chains and operations."""
    torch.manual_seed(0)
    unit = torch.nn.functional.interpolate(torch.rand(5, 4, 6, 6), (21, 25), mode="bicubic").clamp(0, 1)
    drawn = augmix.draw(AugMix(severity=severity), 5, np.random.default_rng(3))
    views = views_of(unit, drawn)
    assert views.shape == (2, *unit.shape)
    off = []
    for patch in range(5):
        for view in range(2):
            mixed = torch.zeros_like(unit[:1])
            for chain in range(3):
                image = unit[patch : patch + 1]
                for step in range(drawn.depth[patch, view, chain]):
                    where = (patch, view, chain, step)
                    image = reference_operation(image, augmix.OPERATIONS[drawn.operation[where]], drawn.level[where])
                mixed += drawn.chain_weight[patch, view, chain] * image
            share = drawn.mixed_weight[patch, view]
            expected = (1 - share) * unit[patch : patch + 1] + share * mixed
            off.append((views[view, patch] - expected[0]).abs())
    # Rounding may move a pixel over an edge or a quantisation step; nearly all agree closely.
    assert torch.stack(off).quantile(0.98) < 1e-3


def test_a_part_of_a_batch_gets_the_same_views() -> None:
    unit = torch.rand(7, 3, 12, 12)
    drawn = augmix.draw(AugMix(), 7, np.random.default_rng(0))
    whole = views_of(unit, drawn)
    mine = np.array([1, 3, 5])
    torch.testing.assert_close(views_of(unit[mine], drawn.take(mine)), whole[:, mine])
