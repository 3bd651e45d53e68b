"""The array that grows on disk: what numpy reads in the end is what was appended, skipped and overwritten."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data import npy_appender
from raysat.data.npy_appender import NpyAppender
from tests.helpers.data import quick


@quick
@given(
    steps=st.lists(st.one_of(st.just("append"), st.integers(1, 40)), min_size=1, max_size=12),
    wanted_seed=st.integers(0, 99),
    per_block=st.one_of(st.none(), st.integers(1, 9)),
)
def test_it_is_the_array_of_its_steps(tmp_path_factory, steps, wanted_seed, per_block):
    path = tmp_path_factory.mktemp("growing") / "a.npy"
    rng = np.random.default_rng(wanted_seed)
    array, expected = NpyAppender(path, (2, 3), np.dtype(np.uint16)), []
    for step in steps:
        if step == "append":
            expected.append(rng.integers(1, 999, (2, 3), dtype=np.uint16))
            assert array.append(expected[-1]) == expected[-1].tobytes()
        else:
            array.skip(step)
            expected += [np.zeros((2, 3), np.uint16)] * step
    assert array.count == len(expected)
    wanted = rng.random(len(expected)) < 0.5
    found = list(array.blocks(wanted, per_block))
    np.testing.assert_array_equal(np.concatenate([np.empty((0, 2, 3)), *found]), np.array(expected)[wanted])
    assert all(len(block) <= (per_block or array.per_block) for block in found)
    at = int(rng.integers(len(expected)))
    np.testing.assert_array_equal(array.read(at), expected[at])
    expected[at] = np.full((2, 3), 7, np.uint16)
    array.overwrite(at, expected[at])
    array.finish()
    np.testing.assert_array_equal(np.load(path), expected)


def test_what_is_skipped_takes_no_space(tmp_path):
    array = NpyAppender(tmp_path / "a.npy", (1000,), np.dtype(np.uint8))
    array.skip(20_000)
    array.append(np.ones(1000, np.uint8))
    array.finish()
    stat = (tmp_path / "a.npy").stat()
    if stat.st_blocks * 512 > 10_000_000:
        pytest.skip("this file system keeps no holes")
    assert stat.st_size > 20_000_000
    assert np.load(tmp_path / "a.npy", mmap_mode="r").sum() == 1000


def test_a_block_is_some_megabyte(tmp_path):
    assert NpyAppender(tmp_path / "a.npy", (1000,), np.dtype(np.uint16)).per_block == npy_appender._BLOCK // 2000
    assert NpyAppender(tmp_path / "b.npy", (npy_appender._BLOCK * 3,), np.dtype(np.uint8)).per_block == 1
