"""The mark of a run's driver in a folder: who sees it at the same path sees the driver's own disk, not another's.

It is an empty file whose name is drawn anew each time. Its driver removes it; one that is killed leaves it to whoever
cleans up there next, as what is half-written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from raysat.files import partial_file, writing

_TARGET: Final = "driver"
_NAME: Final = re.compile(rf"\.{_TARGET}-[0-9a-f]{{8}}\.partial")


@contextmanager
def marked(folder: Path) -> Iterator[Path]:
    """Have a mark in a folder that is there. Yields its path; raises DiskError."""
    with writing(folder), partial_file(folder.resolve() / _TARGET) as (mark, _):
        yield mark


def can_write_beside(mark: Path) -> bool:
    """Whether this process sees a mark, and may write in its folder."""
    return mark.exists() and os.access(mark.parent, os.W_OK | os.X_OK)


def is_mark(name: str) -> bool:
    """Whether a file is called as a mark is."""
    return _NAME.fullmatch(name) is not None
