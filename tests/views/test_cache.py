"""The list of cached stores."""

import io
import time
from pathlib import Path

from rich.console import Console

from raysat.data.remote.cache import CachedStore
from raysat.views.cache import show_cache


def test_stores_are_listed_by_where_they_are_from() -> None:
    screen = Console(file=io.StringIO(), width=100)
    stores = [
        CachedStore(
            digest="0" * 32,
            folder=Path("a"),
            place="s3://b/\x1bc",
            made_by="",
            bytes=2_500_000,
            used=time.time() - 3600,
        ),
        CachedStore(digest="1" * 32, folder=Path("b"), place="", made_by="", bytes=999, used=time.time() - 10),
    ]
    show_cache(Path("/cache"), stores, 20_000_000_000, screen)
    lines = [line.rstrip() for line in screen.file.getvalue().splitlines()]
    assert lines[0] == "cache      /cache: 2 stores, 2.5 MB of 20.0 GB"
    assert lines[1].split() == ["store", "size", "last", "used"]
    assert lines[2].split() == ["s3://b/\\x1bc", "2.5", "MB", "60", "min", "ago"]
    assert lines[3].split() == ["1" * 32, "999", "bytes", "10", "s", "ago"]
