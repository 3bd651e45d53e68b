"""The packages that decide numbers, as records name them; without importing any."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Final

_PACKAGES: Final = ("raysat", "torch", "timm", "ray", "numpy")


def versions() -> dict[str, str]:
    """The packages that decide numbers, and Python."""
    return {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()}
