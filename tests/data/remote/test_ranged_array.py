"""An array that lies elsewhere answers as numpy's does, whatever index, and reads little for it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from raysat.data.npy import NpyHeader, fitting_header
from raysat.data.remote import blocks
from raysat.data.remote.ranged_array import RangedArray
from raysat.errors import StoreError
from tests.helpers.data import quick
from tests.helpers.remote import FolderSource

pytestmark = pytest.mark.slow


def ranged(folder: Path, values: np.ndarray) -> tuple[RangedArray, FolderSource]:
    content = io.BytesIO()
    np.save(content, values)
    (folder / "images.npy").write_bytes(content.getvalue())
    content.seek(0)
    source, size = FolderSource(folder), len(content.getvalue())
    return RangedArray(source, "images.npy", fitting_header(content, size), size), source


@st.composite
def indices(draw: st.DrawFn, shape: tuple[int, ...]) -> object:
    """What raysat indexes images with: rows alone, rows and bands, a grid of both, masks; and numpy's basic ones."""
    row = st.integers(-shape[0], shape[0] - 1)
    rows = np.array(draw(st.lists(row, max_size=20)), np.int64)
    bands = np.array(draw(st.lists(st.integers(0, shape[1] - 1), min_size=1, max_size=3)), np.int64)
    mask = np.array(draw(st.lists(st.booleans(), min_size=shape[0], max_size=shape[0])), np.bool_)
    return draw(
        st.sampled_from([rows, rows.tolist(), np.ix_(rows, bands), (rows, int(bands[0])), mask, (rows, slice(0, 1))])
        | basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
    )


@pytest.mark.slow
@quick
@given(data=st.data(), dtype=st.sampled_from(["uint8", "uint16", "float32"]), block=st.integers(1, 300))
def test_any_index_gives_what_numpy_gives(
    data: st.DataObject, dtype: str, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shape = (data.draw(st.integers(1, 30)), data.draw(st.integers(1, 3)), 2, 3)
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK", block)
        patch.setattr(blocks, "_KEPT", 5 * block)
        patch.setattr(blocks, "_AT_ONCE", 100)
        array, _ = ranged(tmp_path_factory.mktemp("array"), values)
        for _ in range(3):  # what was read before is part of it
            index = data.draw(indices(shape))
            found = array[index]
            assert np.array_equal(found, values[index])
            assert np.shape(found) == np.shape(values[index])
            assert found.dtype == values.dtype
        assert np.array_equal(np.asarray(array), values)
        assert [row.tolist() for row in array] == values.tolist()
    assert (array.shape, array.ndim, array.size, array.nbytes) == (shape, 4, values.size, values.nbytes)


def test_an_array_of_any_length_costs_nothing_until_it_is_indexed(tmp_path: Path) -> None:
    header = NpyHeader(dtype=np.dtype(np.uint8), shape=(1 << 50, 1, 1, 1), fortran_order=False, start=128)
    array = RangedArray(FolderSource(tmp_path), "images.npy", header, (1 << 50) + 128)
    assert (len(array), array.nbytes) == (1 << 50, 1 << 50)


def test_rows_beyond_the_array_are_an_error(tmp_path: Path) -> None:
    array, source = ranged(tmp_path, np.zeros((3, 1, 2, 2), np.uint8))
    with pytest.raises(IndexError):
        array[3]
    with pytest.raises(IndexError):
        array[np.array([0, -4])]
    assert source.reads == []


def test_a_batch_reads_the_blocks_that_hold_it_and_none_twice(tmp_path: Path) -> None:
    array, source = ranged(tmp_path, np.zeros((2000, 11, 65, 65), np.uint8))
    rows = np.random.default_rng(0).permutation(2000)[:32]
    array[rows]
    assert sum(stop - start for _, start, stop in source.reads) < 32 * 2.2 * blocks._BLOCK
    before = len(source.reads)
    array[rows]
    assert len(source.reads) == before


def test_who_reads_on_is_served_with_few_requests(tmp_path: Path) -> None:
    array, source = ranged(tmp_path, np.zeros((2000, 11, 65, 65), np.uint8))  # 93 MB
    for first in range(0, 2000, 20):
        array[first : first + 20]
    read = sum(stop - start for _, start, stop in source.reads)
    assert read <= array.nbytes + blocks._BLOCK, "nothing is read twice"
    assert len(source.reads) < 1.5 * array.nbytes / (blocks._REQUEST * blocks._BLOCK)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_KEPT", 8 * blocks._BLOCK)
    array, _ = ranged(tmp_path, np.zeros((2000, 11, 65, 65), np.uint8))
    for first in range(0, 2000, 100):
        array[first : first + 100]
    assert len(array._reader._blocks) == 8


def test_a_file_that_became_shorter_is_noticed(tmp_path: Path) -> None:
    array, _ = ranged(tmp_path, np.zeros((50, 1, 100, 100), np.uint8))
    (tmp_path / "images.npy").write_bytes(b"short")
    with pytest.raises(StoreError, match=r"images\.npy changed while it was read"):
        array[40]
