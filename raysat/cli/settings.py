"""How the command of this process tells what it does, as the options that every command takes say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from raysat.cli.log_file import LogFile

Color = Literal["auto", "always", "never"]


@dataclass(slots=True, kw_only=True)
class Settings:
    """What ``--quiet`` and its like are set to."""

    quiet: bool = False
    progress: bool = True
    color: Color = "auto"
    log: LogFile | None = None
    json: bool = False  # stdout is for one document alone
    command: str | None = None  # the first word that names it, once that is known


current: Final = Settings()


@contextmanager
def one_command() -> Iterator[None]:
    """Begin with what no option says, and close the log in the end: tests run many commands in one process."""
    fresh = Settings()
    for name in Settings.__dataclass_fields__:
        setattr(current, name, getattr(fresh, name))
    try:
        yield
    finally:
        if current.log is not None:
            current.log.close()
            current.log = None
