"""The source of a plugin: read once, within bounds, and known from then on by a hash of its content."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from raysat.config import limits
from raysat.errors import PluginError, RaysatError, suggest
from raysat.files import AnyPath, ObjectPath, absolute, as_path, read_text
from raysat.formatting import echo, one_line

GROUP: Final = "raysat.methods"  # of entry points
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,70}\.py")  # of a file
_REMEDY: Final = "give a Python file of methods, as docs/extend.md shows"


@dataclass(frozen=True, slots=True)
class PluginSource:
    """The text of a plugin, which travels wherever its settings do."""

    name: str  # of its file
    place: str  # where it was read, for messages
    text: str

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of its text: part of the id of each trial that uses one of its methods."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def kept_as(self) -> str:
        """The name of the copy that a run keeps."""
        return f"{self.name.removesuffix('.py')}.{self.digest}.py"

    @property
    def has_changed(self) -> bool:
        """Whether what lies at its place is another text now, or none."""
        try:
            return _read(as_path(self.place)) != self.text
        except RaysatError:
            return True


def read_source(path: AnyPath | str) -> PluginSource:
    """Read a plugin from a file. Raises PluginError where it is no regular file, too large, or not UTF-8."""
    file = as_path(path)
    if isinstance(file, ObjectPath) or not _NAME.fullmatch(file.name):
        raise PluginError(
            f"{one_line(str(path))}: a plugin is a file of this machine, called like my_loss.py", hint=_REMEDY
        )
    return PluginSource(name=file.name, place=str(absolute(file)), text=_read(file))


def installed_source(name: str) -> PluginSource:
    """Read the plugin of an installed package: the module that an entry point of ``raysat.methods`` names.

    Raises:
        PluginError: no installed package has an entry point of that name, or two have; its module is no Python file.
    """
    found = entry_points(group=GROUP, name=name)
    if len(found) != 1:
        known = sorted({point.name for point in entry_points(group=GROUP)})
        what = "several installed packages have a plugin" if len(found) else "no installed package has a plugin"
        none = f"none has any; a file is named by {{--plugin}} {name if name.endswith('.py') else 'FILE.py'}"
        raise PluginError(f"{what} called {echo(name)}", hint=suggest(name, known, "" if known else none))
    (point,) = found
    return PluginSource(name=f"{name}.py", place=str(file := _module_file(point)), text=_read(file))


def _module_file(point: EntryPoint) -> Path:
    fault = f"the plugin {echo(point.name)} of {point.module} cannot be read"
    try:
        spec = importlib.util.find_spec(point.module)  # imports the packages around it, which are installed
    except Exception as error:
        raise PluginError(f"{fault}: {type(error).__name__}: {one_line(str(error))}", hint="install it anew") from error
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise PluginError(f"{fault}: it is no module of Python source", hint="name one module in its entry point")
    return Path(spec.origin)


def _read(file: AnyPath) -> str:
    return read_text(file, max_bytes=limits.PLUGIN, remedy=_REMEDY, error=PluginError)
