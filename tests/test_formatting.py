"""Values as errors show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.formatting import echo, elide, to_csv


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**399, "1000000…0000 (400 digits)"),
        (-(10**399), "-1000000…0000 (400 digits)"),
        (12345678901234567890, "12345678901234567890"),
        (123456789012345678901, "1234567…8901 (21 digits)"),
        (True, "True"),
        ("x" * 500, "'" + "x" * 27 + "..." + "x" * 28 + "'"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, ...]"),
        ({"kind": 10**399}, "{'kind': 1000000…0000 (400 digits)}"),
    ],
)
def test_a_long_value_is_shown_by_its_ends(value: object, shown: str) -> None:
    assert echo(value) == shown


def test_a_number_that_python_does_not_write_out_is_described() -> None:
    assert echo([1 << 20_000]) == "[a number of 20,001 bits]"


@given(
    st.none()
    | st.booleans()
    | st.integers(-(10**19), 10**19)
    | st.floats()
    | st.text().filter(lambda text: len(repr(text)) <= 60)
    | st.lists(st.integers(0, 99), max_size=6)
)
def test_a_short_value_is_shown_as_it_is(value: object) -> None:
    assert echo(value) == repr(value)


def test_rows_as_csv_have_a_column_for_each_key_and_nothing_where_a_row_has_none():
    assert to_csv([{"a": 1}, {"b": None, "c": "x,y"}]) == 'a,b,c\n1,,\n,,"x,y"\n'
    assert to_csv([{"b": 0.1, "a": 1}], ["a"]) == "a,b\n1,0.1\n"
    assert to_csv([], ["arm", "n"]) == "arm,n\n"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("short", 10, "short"), ("abcdefghij klm", 6, "abc…lm"), ("中文中文中文", 7, "中…中文")],
)
def test_a_long_text_keeps_both_ends(text: str, width: int, expected: str) -> None:
    assert elide(text, width) == expected
