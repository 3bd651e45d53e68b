"""What a band is called, whoever writes it: B8a is B8A, B01 is B1, SR_B4 is B4."""

from __future__ import annotations

import re


def plain_name(name: str) -> str:
    """Return a band's name without padding, prefix and case, so that spellings of one band are equal."""
    name = re.sub(r"^(?:SR|ST)_", "", name.upper()).replace("_", "")
    return re.sub(r"^B0+(?=\d)", "B", name)
