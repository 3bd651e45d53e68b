"""How much of a disk the cache of stores may take: ``$RAYSAT_CACHE_LIMIT``, else half of what it could have."""

from __future__ import annotations

import os
import re
from typing import Final

from raysat.errors import UsageError
from raysat.formatting import echo

VARIABLE: Final = "RAYSAT_CACHE_LIMIT"
_DEFAULT: Final = 0.5  # of what is free and what the cache holds: a disk is others' too
_UNITS: Final = {"": 1, "b": 1, **{f"{p}b": 1000**n for n, p in enumerate("kmgt", 1)}} | {
    f"{p}ib": 1024**n for n, p in enumerate("kmgt", 1)
}
_LIMIT: Final = re.compile(r"(?P<number>\d{1,18}(?:\.\d{1,6})?) ?(?P<unit>%|[a-z]{0,3})", re.IGNORECASE)


def cache_limit(held: int, free: int) -> int:
    """Bytes that the stores of a cache may take together.

    Args:
        held: what they take now.
        free: what is free on their disk.

    Raises:
        UsageError: the variable is neither a size nor a share.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return int(_DEFAULT * (held + free))
    found = _LIMIT.fullmatch(text)
    unit = found["unit"].lower() if found else ""
    if found is None or (unit != "%" and unit not in _UNITS) or (unit == "%" and float(found["number"]) > 100):
        raise UsageError(
            f"{VARIABLE} is {echo(text)}, which is no size", hint="write a size, such as 20GB, or a share, such as 30%"
        )
    if unit == "%":
        return int(float(found["number"]) / 100 * (held + free))
    return int(float(found["number"]) * _UNITS[unit])
