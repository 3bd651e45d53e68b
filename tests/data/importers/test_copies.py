"""Copies: patches with the same pixels, whatever else is said of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.importers.copies import Copies
from tests.helpers.data import quick


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
