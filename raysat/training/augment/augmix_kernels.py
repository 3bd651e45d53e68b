"""AugMix in one CUDA kernel, for Triton: each program makes one band of one view, chain by chain.

The operations are those of ``image_ops.py``, with the same of 256 levels. A program reads one half of its scratch
memory and writes the other in turn; between operations its threads wait for each other.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["views", "chains", "depth", "height", "width"])  # type: ignore[untyped-decorator]
def mixed_views(
    unit: tl.tensor,
    weights: tl.tensor,
    kinds: tl.tensor,
    parameters: tl.tensor,
    scratch: tl.tensor,
    mixed: tl.tensor,
    views: tl.tensor,
    chains: tl.tensor,
    depth: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    """Write the views of patches of C bands, H x W pixels; the grid is (B * V, C).

    Args:
        unit: patches (B, C, H, W) in [0, 1].
        weights: of the patch and of its chains in each view, (B, V, 1 + K).
        kinds: of the operations of each chain, (B, V, K, D): 0 levels, 1 equalize, 2 warps, -1 none.
        parameters: of each, (B, V, K, D, 6): as of ``image_ops.adjust`` and ``image_ops.warp``.
        scratch: any memory (B, V, C, 2, H, W).
        mixed: the views (B, V, C, H, W), in [0, 1].
        views: V, of each patch.
        chains: K, of each view.
        depth: D, the most operations of a chain.
        height: H.
        width: W.
        BLOCK: pixels at a time.
    """
    view, band, bands = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    pixels = height * width
    patch = unit + ((view // views) * bands + band) * pixels
    found = mixed + (view * bands + band) * pixels
    halves = scratch + (view * bands + band) * 2 * pixels
    share = tl.load(weights + view * (chains + 1))
    for first in range(0, pixels, BLOCK):
        at = first + tl.arange(0, BLOCK)
        tl.store(found + at, share * tl.load(patch + at, mask=at < pixels), mask=at < pixels)
    for chain in range(chains):
        tl.debug_barrier()
        source = patch
        for step in range(depth):
            number = (view * chains + chain) * depth + step
            kind, own = tl.load(kinds + number), parameters + number * 6
            if kind >= 0:
                target = halves + (step % 2) * pixels
                if kind == 0:
                    _adjust(source, target, own, pixels, BLOCK)
                elif kind == 1:
                    _equalize(source, target, pixels, BLOCK)
                else:
                    _warp(source, target, own, height, width, BLOCK)
                tl.debug_barrier()
                source = target
        share = tl.load(weights + view * (chains + 1) + chain + 1)
        for first in range(0, pixels, BLOCK):
            at = first + tl.arange(0, BLOCK)
            value = tl.load(found + at, mask=at < pixels) + share * tl.load(source + at, mask=at < pixels)
            tl.store(found + at, tl.minimum(value, 1.0), mask=at < pixels)  # the sum of parts in [0, 1]


@triton.jit  # type: ignore[untyped-decorator]
def _adjust(source: tl.tensor, target: tl.tensor, own: tl.tensor, pixels: tl.tensor, BLOCK: tl.constexpr) -> None:
    """Stretch levels where this is asked for, drop bits, invert from a threshold on."""
    low, high = tl.full([], 255, tl.int32), tl.full([], 0, tl.int32)
    if tl.load(own) > 0:
        for first in range(0, pixels, BLOCK):
            at = first + tl.arange(0, BLOCK)
            level = _level(source, at, pixels)
            low = tl.minimum(low, tl.min(tl.where(at < pixels, level, 255)))
            high = tl.maximum(high, tl.max(level))
    darkest, brightest = low.to(tl.float64), high.to(tl.float64)
    span = tl.where(high > low, brightest - darkest, 255.0)
    scale = tl.full([], 255.0, tl.float64) / span  # 1 where levels stay
    offset = tl.where(high > low, darkest * scale, 0.0)
    dropped = 8 - tl.load(own + 1).to(tl.int32)
    threshold = tl.load(own + 2).to(tl.int32)
    for first in range(0, pixels, BLOCK):
        at = first + tl.arange(0, BLOCK)
        level = tl.floor(_level(source, at, pixels).to(tl.float64) * scale - offset).to(tl.int32)
        level = (tl.minimum(tl.maximum(level, 0), 255) >> dropped) << dropped
        level = tl.where(level >= threshold, 255 - level, level)
        tl.store(target + at, tl.math.div_rn(level.to(tl.float32), 255.0), mask=at < pixels)


@triton.jit  # type: ignore[untyped-decorator]
def _equalize(source: tl.tensor, target: tl.tensor, pixels: tl.tensor, BLOCK: tl.constexpr) -> None:
    """Flatten the histogram."""
    levels = tl.arange(0, 256)
    count = tl.zeros([256], dtype=tl.int32)
    for first in range(0, pixels, BLOCK):
        count += tl.histogram(_level(source, first + tl.arange(0, BLOCK), pixels), 256)
    beyond = tl.cdiv(pixels, BLOCK) * BLOCK - pixels  # of the last block, which count as level 0
    count -= tl.where(levels == 0, beyond, 0)
    brightest = tl.max(tl.where(count > 0, levels, 0))
    step = (pixels - tl.sum(tl.where(levels == brightest, count, 0))) // 255
    below = tl.cumsum(count) - count + step // 2
    table = tl.where(step > 0, tl.minimum(below // tl.maximum(step, 1), 255), levels)
    table = tl.math.div_rn(table.to(tl.float32), 255.0)
    for first in range(0, pixels, BLOCK):
        at = first + tl.arange(0, BLOCK)
        tl.store(target + at, tl.gather(table, _level(source, at, pixels), 0), mask=at < pixels)


@triton.jit  # type: ignore[untyped-decorator]
def _warp(
    source: tl.tensor, target: tl.tensor, own: tl.tensor, height: tl.tensor, width: tl.tensor, BLOCK: tl.constexpr
) -> None:
    """Read each pixel at its place, bilinearly; 0 comes from outside."""
    pixels = height * width
    a, b, c = tl.load(own), tl.load(own + 1), tl.load(own + 2)
    d, e, f = tl.load(own + 3), tl.load(own + 4), tl.load(own + 5)
    for first in range(0, pixels, BLOCK):
        at = first + tl.arange(0, BLOCK)
        x, y = (at % width).to(tl.float32) + 0.5, (at // width).to(tl.float32) + 0.5
        from_x, from_y = a * x + (b * y + c), d * x + (e * y + f)
        is_inside = (from_x >= 0.0) & (from_x <= width) & (from_y >= 0.0) & (from_y <= height) & (at < pixels)
        left, right, part_x = _neighbours(from_x, width)
        above, below, part_y = _neighbours(from_y, height)
        upper = tl.load(source + above * width + left, mask=is_inside, other=0.0) * (1.0 - part_x)
        upper += tl.load(source + above * width + right, mask=is_inside, other=0.0) * part_x
        lower = tl.load(source + below * width + left, mask=is_inside, other=0.0) * (1.0 - part_x)
        lower += tl.load(source + below * width + right, mask=is_inside, other=0.0) * part_x
        tl.store(target + at, upper * (1.0 - part_y) + lower * part_y, mask=at < pixels)


@triton.jit  # type: ignore[untyped-decorator]
def _neighbours(place: tl.tensor, length: tl.tensor) -> tl.tensor:
    """The pixels on both sides of a place along an axis, and how near it is to the second."""
    index = tl.minimum(tl.maximum(place - 0.5, 0.0), length - 1.0)
    first = index.to(tl.int32)
    return first, tl.minimum(first + 1, length - 1), index - first.to(tl.float32)


@triton.jit  # type: ignore[untyped-decorator]
def _level(source: tl.tensor, at: tl.tensor, pixels: tl.tensor) -> tl.tensor:
    """The nearest of 256 levels of pixels, and 0 of those beyond the last."""
    return (tl.load(source + at, mask=at < pixels, other=0.0) * 255.0 + 0.5).to(tl.int32)
