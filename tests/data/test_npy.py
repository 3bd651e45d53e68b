"""The reader of .npy files: what numpy writes comes back, what it never wrote is refused; numpy is the reference."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from raysat.data.npy import map_npy, parse_header, read_npy
from raysat.errors import DataError
from tests.helpers.data import quick

PLAIN = st.one_of(
    hnp.boolean_dtypes(),
    *(kind(endianness=end) for kind in (hnp.integer_dtypes, hnp.floating_dtypes) for end in "<>"),
    hnp.unsigned_integer_dtypes(),
    hnp.complex_number_dtypes(),
).filter(lambda dtype: dtype.itemsize <= 16)


def arrays(least):
    return hnp.arrays(PLAIN, hnp.array_shapes(min_dims=least, max_dims=4, max_side=5))


@quick
@given(array=arrays(0), version=st.sampled_from([(1, 0), (2, 0), (3, 0)]), fortran=st.booleans())
def test_what_numpy_writes_comes_back(tmp_path_factory, array, version, fortran):
    file = tmp_path_factory.mktemp("npy") / "x.npy"
    array = np.asarray(array, order="F" if fortran else "C")
    with file.open("wb") as content:
        np.lib.format.write_array(content, array, version=version)
    found = read_npy(file, max_bytes=10**6)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)
    if not fortran:
        mapped = map_npy(file, remedy="")
        assert isinstance(mapped, np.memmap)
        assert not mapped.flags.writeable
        np.testing.assert_array_equal(mapped, array)


@quick
@given(array=arrays(1), data=st.data())
def test_a_header_that_is_accepted_says_what_numpy_reads_in_it(array, data):
    content = io.BytesIO()
    np.save(content, array)
    raw = bytearray(content.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, 127))] = data.draw(
            st.sampled_from(b"\x00\x01\x02\x03 '(){}[],:-0123456789<>|fuiOTL")
        )
    found, cause = None, ""
    try:
        found = parse_header(io.BytesIO(bytes(raw)))
    except ValueError as error:
        cause = str(error)
    assert cause.isprintable()
    if found is None:
        return
    content = io.BytesIO(bytes(raw))
    read = {1: np.lib.format.read_array_header_1_0}.get(
        np.lib.format.read_magic(content)[0], np.lib.format.read_array_header_2_0
    )
    shape, fortran_order, dtype = read(content)
    assert (found.shape, found.fortran_order, found.dtype, found.start) == (
        shape,
        fortran_order,
        dtype,
        content.tell(),
    )


@pytest.mark.parametrize(
    "text",
    [
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<u2'}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (2L, 3L), }",
        " {'descr':'<u2','fortran_order':False,'shape':(2,3)} \n",
    ],
)
def test_headers_of_other_writers_are_read(text):
    raw = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    found = parse_header(io.BytesIO(raw))
    assert (found.shape, found.dtype, found.fortran_order) == ((2, 3), np.dtype("<u2"), False)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [("()", ()), ("(2,)", (2,)), ("(2, 3)", (2, 3)), ("(2, 3,)", (2, 3)), ("(1, 2, 3)", (1, 2, 3)), ("(2)", None),
     ("(2 3)", None), ("(2, 3 4)", None), ("(,)", None), ("(2,,)", None), (f"({'1, ' * 8})", (1,) * 8),
     (f"({'1, ' * 9})", None)],
)  # fmt: skip
def test_a_shape_is_a_tuple_as_numpy_has_it(shape, axes):
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}"
    raw = io.BytesIO(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())
    if axes is None:
        with pytest.raises(ValueError, match="not that of a plain array"):
            parse_header(raw)
    else:
        assert parse_header(raw).shape == axes


def test_a_file_larger_than_allowed_is_not_read(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(1000, np.uint8))
    with pytest.raises(DataError, match="larger than 1,000 bytes"):
        read_npy(tmp_path / "x.npy", max_bytes=1000)


def test_arrays_in_fortran_order_are_not_mapped(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3), order="F"))
    with pytest.raises(DataError, match="Fortran order") as caught:
        map_npy(tmp_path / "x.npy", remedy="save it again")
    assert caught.value.hint == "save it again"
