"""Lengths as users write them."""

import pytest

from raysat.data.lengths import LONGEST, length, read_length
from raysat.errors import UsageError


@pytest.mark.parametrize(
    ("given", "metres"),
    [("10km", 10_000), ("500m", 500), ("0.5 km", 500), ("1.25km", 1250), ("0m", 0), (250, 250), (0.5, 0.5)],
)
def test_a_length_in_metres(given, metres):
    assert read_length(given, "block") == metres


@pytest.mark.parametrize(
    "given",
    ["", "10", "km", "10 miles", "-1km", "1e3m", "10KM", "1km2", "0x10m", "٣km", "9999999km", "nankm", "1" * 5000 + "m",
     float("nan"), float("inf"), -1.0, LONGEST + 1],
)  # fmt: skip
def test_what_is_no_length_is_one_line(given):
    with pytest.raises(UsageError, match="must be a length from 0 m to 5,000 km, got ") as caught:
        read_length(given, "{--buffer}")
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("buffer ")
    assert "10km" in caught.value.hint


def test_the_least_is_told():
    with pytest.raises(UsageError, match="from 1 m to"):
        read_length("0m", "block", 1.0)


@pytest.mark.parametrize(
    ("metres", "words"),
    [(0, "0 m"), (250, "250 m"), (999.5, "999.5 m"), (1000, "1 km"), (12_500, "12.5 km"), (LONGEST, "5,000 km")],
)
def test_a_length_in_words(metres, words):
    assert length(metres) == words
    assert read_length(words.replace(",", ""), "block") == metres
