"""URLs of files and objects: their parts, what keeps one from being used, and how errors show it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from raysat.formatting import one_line

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(?:/([^?#]*))?([?#].*)?", re.DOTALL)
_LONGEST_KEY: Final = 900  # bytes: object stores allow 1,024, and names are added to what is given
_NO_STEP: Final = frozenset({"", ".", ".."})


class Parts(NamedTuple):
    """A URL taken apart: ``scheme://authority/key`` and what follows a question mark or hash."""

    scheme: str
    authority: str  # a host or bucket; with a user and a password, which are no part of it, in some
    key: str  # without the slash before it
    query: str  # what follows, with its mark; a signature, or nothing


class NamedByKey:
    """Names, as those of a path, of what has a key."""

    __slots__ = ()

    @property
    def key(self) -> str:
        """Names with slashes between them; empty for the place itself."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The last name; empty for the place itself."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The last name without its suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """The end of the last name, from its last dot."""
        return self._pure.suffix

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.key)


def split_url(text: str) -> Parts | None:
    """Take a URL apart; None for a text that is none."""
    match = _URL.fullmatch(text)
    return None if match is None else Parts(*(match[number] or "" for number in range(1, 5)))


def key_fault(key: str) -> str | None:
    """Why a key cannot be used, or None; that of a place itself, which is empty, can."""
    if not key:
        return None
    if any(step in _NO_STEP for step in key.split("/")):
        return "a name in it is empty, '.' or '..'"
    if not key.isprintable() or any(char in key for char in "?#\\"):
        return "it has characters that are not for names"
    return "it is too long" if len(key.encode()) > _LONGEST_KEY else None


def masked_url(url: str) -> str:
    """A URL as errors and files show it: without what may be a user, a password or a signature."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        authority = f"***@{authority.rpartition('@')[2]}"
    shown = re.sub(r"[?#].*", lambda found: f"{found[0][0]}***", f"{authority}{slash}{path}", flags=re.DOTALL)
    return one_line(f"{scheme}{mark}{shown}")
