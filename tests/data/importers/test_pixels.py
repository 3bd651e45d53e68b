"""Pixels made fit for a store: every value kept, or a clear error; copies are found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from raysat.data.importers.pixels import Copies, missing_mask, storable
from raysat.errors import DataError
from tests.helpers.data import quick


@quick
@given(arrays.arrays(st.sampled_from(("uint8", "uint16", "int8", "int16", "float16")), (2, 3, 3)))
def test_narrow_types_keep_every_value(pixels):
    pixels = np.nan_to_num(pixels, posinf=1, neginf=-1)
    stored = storable(pixels)
    assert stored.dtype.name in {"uint8", "uint16", "float32"}
    np.testing.assert_array_equal(stored.astype(np.float64), pixels.astype(np.float64))


@pytest.mark.parametrize(("dtype", "stored"), [("uint8", "uint8"), ("uint16", "uint16"), ("float32", "float32")])
def test_types_of_a_store_stay(dtype, stored):
    pixels = np.ones((1, 2, 2), dtype)
    assert storable(pixels) is pixels
    assert storable(pixels).dtype == stored


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_wide_integers_are_kept_exactly_or_refused(dtype):
    exact = np.array([0, 1, 2**24], dtype)
    np.testing.assert_array_equal(storable(exact).astype(np.int64), exact.astype(np.int64))
    with pytest.raises(DataError, match=f"{dtype} values from 0 to 16777217"):
        storable(np.array([0, 2**24 + 1], dtype))


def test_low_negative_integers_are_refused():
    with pytest.raises(DataError, match="from -16777217"):
        storable(np.array([-(2**24) - 1], np.int32))


def test_doubles_are_rounded_or_refused():
    np.testing.assert_array_equal(storable(np.array([0.1])), np.array([0.1], np.float32))
    with pytest.raises(DataError, match="cannot be kept in float32"):
        storable(np.array([1e39]))


def test_complex_pixels_are_refused():
    with pytest.raises(DataError, match="complex64 cannot be stored"):
        storable(np.zeros(3, np.complex64))


def test_nodata_is_what_is_marked_nan_or_infinite():
    pixels = np.array([[1.0, np.nan, np.inf, 5.0]], np.float32)
    marked = np.array([[True, False, False, False]])
    np.testing.assert_array_equal(missing_mask(pixels, marked), [[True, True, True, False]])
    np.testing.assert_array_equal(missing_mask(pixels), [[False, True, True, False]])
    assert missing_mask(np.zeros((1, 2), np.uint8)) is None
    assert missing_mask(np.zeros((1, 2), np.uint8), np.zeros((1, 2), bool)) is None


@quick
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=40),
    st.sampled_from(("uint8", "uint16", "float32")),
)
def test_the_first_with_the_same_pixels_and_nodata_is_found(drawn, dtype):
    copies, seen, expected = Copies(), [], []
    for number, (value, hole) in enumerate(drawn):
        pixels = np.zeros((2, 3, 3), dtype)
        pixels[1, 2, 2] = value
        missing = np.arange(18).reshape(2, 3, 3) < hole if hole else None
        copies.add(pixels, missing)
        key = (value, hole) if value else number  # zero everywhere: empty, and like no other
        seen.append(key)
        expected.append(seen.index(key))
    assert copies.firsts().tolist() == expected


def test_sixteen_bytes_a_patch_are_kept():
    copies = Copies()
    for value in range(1, 101):
        copies.add(np.full((3, 50, 50), value, np.uint8), None)
    assert len(copies._digests) == 1600
    assert copies.firsts().tolist() == list(range(100))
