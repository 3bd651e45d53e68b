"""The form of patches: what differs from the first one, or could not be one, is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.importers.form import MAX_PATCH_BYTES, Form
from raysat.errors import DataError
from tests.helpers.data import quick


@quick
@given(
    size=st.tuples(*(st.integers(1, 1 << 20) for _ in range(3))),
    dtype=st.sampled_from(("uint8", "uint16", "float32", "float64")),
)
def test_the_limit_is_in_bytes_of_all_bands(size, dtype):
    form = Form(bands=size[0], height=size[1], width=size[2], dtype=dtype)
    bytes_of_all = size[0] * size[1] * size[2] * np.dtype(dtype).itemsize
    if bytes_of_all <= 64 * 1024 * 1024:
        form.check_bytes(np.dtype(dtype).itemsize)
    else:
        with pytest.raises(DataError, match="more than 64 MB for a patch") as caught:
            form.check_bytes(np.dtype(dtype).itemsize)
        assert "patches" in caught.value.hint


def test_the_first_patch_is_like_itself_and_sets_the_form():
    first = Form(bands=1, height=2, width=3, dtype="uint8")
    first.check_like(None)
    first.check_like(Form(bands=1, height=2, width=3, dtype="uint8"))
    with pytest.raises(
        DataError, match=r"^it is 3 x 2 px, 2 bands, uint8, the ones before it are 2 x 3 px, 1 band, uint8"
    ):
        Form(bands=2, height=3, width=2, dtype="uint8").check_like(first)


def test_the_largest_usual_patch_fits():
    Form(bands=13, height=1024, width=1024, dtype="float32").check_bytes(4)
    assert MAX_PATCH_BYTES == 64 * 1024 * 1024
