"""What an error means that was raised while a package was imported: the installation is broken, not raysat."""

from __future__ import annotations

import importlib
import platform
import re
import traceback
from typing import Any, Final

from raysat.errors import InstallationError
from raysat.formatting import one_line

_OWN: Final = ("raysat", "__main__")
_UNIX: Final = ("fcntl", "resource")  # modules of Python that Windows lacks
_TOO_OLD: Final = re.compile(r"version `((?:GLIBC|GLIBCXX|CXXABI)_[\w.]+)' not found")
_OTHER_PYTORCH: Final = re.compile(r"operator torchvision::\w+ does not exist")
_AGAIN: Final = "install raysat and what it needs into a new environment: pip install -c constraints.txt ."


def installation_error(error: BaseException) -> InstallationError | None:
    """Say which package cannot be imported, and what to do; None for an error that no import raised."""
    package = _package(error)
    if package is None:
        return None
    cause = one_line(f"{error}") or type(error).__name__
    if too_old := _TOO_OLD.search(cause):
        name, version = platform.libc_ver()
        has = f" (it has {name} {version})" if name else ""
        return InstallationError(
            f"{package} cannot be imported: this system has no {too_old[1]}, it is too old{has}",
            hint="use a newer system, or the image that raysat's Dockerfile makes",
        )
    if package in _UNIX:
        return InstallationError(
            "raysat does not run on Windows itself", hint="run it in Windows' Linux, WSL 2: docs/install.md"
        )
    if _OTHER_PYTORCH.search(cause):  # what pip does where PyTorch alone is taken from its index for CPUs
        return InstallationError(
            f"{package} cannot be imported: torchvision was built for another PyTorch than is installed",
            hint="install both from the same index: pip install --force-reinstall --no-deps torch torchvision",
        )
    return InstallationError(f"{package} cannot be imported: {cause}", hint=_AGAIN)


def extra_module(name: str, *, extra: str) -> Any:
    """Import a module of a package that only an extra of raysat brings. Raises InstallationError, naming the extra."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name.partition(".")[0]:
            raise  # the package is there, and lacks another
        package = name.partition(".")[0]
        raise InstallationError(
            f"{package} is not installed: it comes with raysat[{extra}]",
            hint=f"pip install -c constraints.txt '.[{extra}]', or pip install {package}",
        ) from error


def _package(error: BaseException) -> str | None:
    """The outermost package, other than raysat, at whose import an error was raised.

    Python leaves its own frames of an import out of a traceback, but not those of the modules that it runs.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if frame.f_code.co_name == "<module>" and package not in _OWN:
            return package
    return error.name.partition(".")[0] if isinstance(error, ImportError) and error.name else None
