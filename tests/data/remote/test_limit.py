"""What the cache may take, as a user writes it."""

import pytest

from raysat.data.remote.limit import cache_limit
from raysat.errors import UsageError


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", 500),
        ("0", 0),
        ("20", 20),
        ("1.5kB", 1500),
        ("2 KiB", 2048),
        ("3GB", 3_000_000_000),
        ("3gb", 3_000_000_000),
        ("1TiB", 1 << 40),
        ("30%", 300),
        (" 100 % ", 1000),
    ],
)
def test_a_limit_is_a_size_or_a_share_of_what_the_disk_has_for_it(
    text: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", text)
    assert cache_limit(held=400, free=600) == limit


@pytest.mark.parametrize("text", ["much", "-1", "1e9", "20 XB", "101%", "1,5GB", "9" * 400])
def test_what_is_no_size_is_one_clear_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", text)
    with pytest.raises(UsageError, match=r"RAYSAT_CACHE_LIMIT is .*, which is no size") as caught:
        cache_limit(held=0, free=0)
    assert len(caught.value.message) < 200
