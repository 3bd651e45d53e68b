"""Cells beside a plain loop over windows and cells, and beside scipy's entropies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from raysat.inference.maps.cells import NODATA, SwathCells, summarize
from raysat.inference.maps.tiling import Axis, Tiling


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_a_cell_is_the_mean_of_its_windows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patch = int(rng.integers(1, 8))
    stride = int(rng.integers(1, patch + 1))
    rows, columns = (Axis(length=int(side), patch=patch, stride=stride) for side in rng.integers(1, 30, 2))
    tiling = Tiling(rows=rows, columns=columns)
    shape = len(rows.starts), len(columns.starts)
    probabilities = rng.dirichlet(np.ones(3), (2, *shape)).transpose(0, 3, 1, 2).astype(np.float32)
    valid, missing = rng.random(shape) > 0.2, rng.random(tiling.shape) > 0.8
    found = np.full((3, *tiling.shape), np.nan, np.float32)
    lost, seen = np.zeros(tiling.shape, bool), np.zeros(tiling.shape, int)
    for swath in tiling.swaths(int(rng.integers(1, 20))):
        cells, begin = SwathCells(tiling, swath, 2, 3), 0
        across = slice(*swath.windows)
        while begin < shape[0]:
            end = min(shape[0], begin + int(rng.integers(1, 4)))
            first, after = cells.new_rows(end)
            done = cells.add(
                begin,
                probabilities[:, :, begin:end, across],
                valid[begin:end, across],
                missing[first:after, slice(*swath.cells)],
            )
            begin = end
            if done is not None:
                height, width = done.missing.shape
                place = slice(done.row, done.row + height), slice(done.column, done.column + width)
                found[:, place[0], place[1]], lost[place] = done.probabilities, done.missing
                seen[place] += 1
    assert (seen == 1).all()
    for row, column in np.ndindex(*tiling.shape):
        inside = [
            probabilities[:, :, y, x]
            for y in _containing(rows, row)
            for x in _containing(columns, column)
            if valid[y, x]
        ]
        assert lost[row, column] == (missing[row, column] or not inside)
        if not lost[row, column]:
            np.testing.assert_allclose(found[:, row, column], np.mean(inside, axis=(0, 1)), rtol=2e-5)


def _containing(axis: Axis, cell: int) -> list[int]:
    begin, end = cell * axis.stride, min((cell + 1) * axis.stride, axis.length)
    return [number for number, start in enumerate(axis.starts) if start <= begin and end <= start + axis.patch]


@pytest.mark.parametrize(("models", "classes"), [(1, 2), (2, 2), (2, 5), (6, 3)])
def test_entropy_and_disagreement_are_those_of_scipy(models: int, classes: int) -> None:
    p = np.random.default_rng(0).dirichlet(np.full(classes, 0.4), (models, 4, 5)).astype(np.float32)
    found = summarize(p.transpose(0, 3, 1, 2), np.zeros((4, 5), bool))
    mean = p.mean(axis=0)
    np.testing.assert_array_equal(found.predicted, mean.argmax(axis=-1))
    np.testing.assert_allclose(found.entropy, entropy(mean, axis=-1) / np.log(classes), atol=1e-6)
    if models == 1:
        assert found.disagreement is None
    else:
        assert found.disagreement is not None
        if models == 2:
            np.testing.assert_allclose(found.disagreement, jensenshannon(p[0], p[1], axis=-1, base=2) ** 2, atol=1e-6)
        shared = entropy(mean, axis=-1) - entropy(p, axis=-1).mean(axis=0)
        np.testing.assert_allclose(found.disagreement, shared / np.log(min(models, classes)), atol=1e-6)


def test_the_ends_of_the_scales() -> None:
    certain = np.eye(3, dtype=np.float32)[:, :, None, None]  # each seed of a class of its own
    found = summarize(certain, np.zeros((1, 1), bool))
    assert (found.entropy[0, 0], found.disagreement[0, 0]) == (1, 1)
    agreed = summarize(np.repeat(certain[:1], 3, axis=0), np.zeros((1, 1), bool))
    assert (agreed.entropy[0, 0], agreed.disagreement[0, 0]) == (0, 0)
    assert summarize(certain, np.ones((1, 1), bool)).predicted[0, 0] == NODATA
    assert summarize(np.ones((2, 1, 1, 1), np.float32), np.zeros((1, 1), bool)).entropy[0, 0] == 0  # of one class
