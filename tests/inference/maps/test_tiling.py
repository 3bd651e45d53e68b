"""Windows and cells along an axis, by looking at each window and each cell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raysat.inference.maps.tiling import SLAB_BYTES, Axis, Tiling


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    patch = draw(st.integers(1, 20))
    return Axis(length=draw(st.integers(1, 100)), patch=patch, stride=draw(st.integers(1, patch)))


@given(axes())
def test_a_cell_has_the_windows_that_contain_it(axis: Axis) -> None:
    starts = axis.starts.tolist()
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert all(start + axis.patch <= axis.length for start in starts) or starts == [0]
    first, last = axis.containing()
    for cell in range(axis.cells):
        begin, end = cell * axis.stride, min((cell + 1) * axis.stride, axis.length)
        inside = [number for number, start in enumerate(starts) if start <= begin and end <= start + axis.patch]
        assert inside == list(range(first[cell], last[cell] + 1))
        assert 1 <= len(inside) <= axis.patch // axis.stride + 1
    assert end == axis.length


@given(axes())
def test_with_a_stride_of_a_patch_a_cell_has_one_window(axis: Axis) -> None:
    whole = Axis(length=axis.length, patch=axis.patch, stride=axis.patch)
    first, last = whole.containing()
    assert (first == last).all()
    assert first.tolist() == list(range(whole.cells))


@given(axes(), axes(), st.integers(1, 50), st.integers(1, 1 << 24))
def test_swaths_and_slabs_are_parts_of_the_whole(rows: Axis, columns: Axis, width: int, row_bytes: int) -> None:
    tiling = Tiling(rows=rows, columns=columns)
    swaths = list(tiling.swaths(width))
    assert [cell for swath in swaths for cell in range(*swath.cells)] == list(range(columns.cells))
    first, last = columns.containing()
    for swath in swaths:
        assert swath.windows == (first[swath.cells[0]], last[swath.cells[1] - 1] + 1)
        slabs = list(tiling.slabs(swath, row_bytes))
        assert [row for slab in slabs for row in range(*slab)] == list(range(len(rows.starts)))
        for begin, end in slabs:
            height = rows.starts[end - 1] + rows.patch - rows.starts[begin]
            assert end - begin == 1 or height * row_bytes <= SLAB_BYTES
    assert tiling.classified(width) == len(rows.starts) * sum(swath.windows[1] - swath.windows[0] for swath in swaths)
