"""The packages that decide numbers, as records name them; without importing any."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

PACKAGES: Final = ("raysat", "torch", "timm", "ray", "numpy")
REMEDY: Final = "install the same on all machines: one image (Dockerfile), or pip install -c constraints.txt"


def versions() -> dict[str, str]:
    """The packages that decide numbers, and Python."""
    return {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}


def differences(theirs: Mapping[str, str | None], ours: Mapping[str, str]) -> list[str]:
    """What another machine has otherwise, of what must be equal on all that train one run: what decides its numbers.

    Of torch the release counts, not what it was built for: a head without a GPU may have the build for CPUs. Ray itself
    sees to it that Ray and Python are equal.

    Args:
        theirs: version by package; None for one that is not there.
        ours: the driver's.

    Returns:
        ``torch 2.9.0 in place of 2.9.1`` and the like.
    """
    found = []
    for name in PACKAGES:
        there, here = theirs.get(name), ours[name]
        if name != "ray" and (there or "").partition("+")[0] != here.partition("+")[0]:
            found.append(f"{name} {there} in place of {here}" if there else f"no {name}, in place of {here}")
    return found
