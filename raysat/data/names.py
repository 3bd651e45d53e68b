"""What classes and bands may be called: the one rule, for all that write names into a store and all that read them.

A name is 1 to 100 printable characters, without space at its ends. Names of one kind differ in more than case and
Unicode form: ``Water`` and ``water``, or ``é`` as one character and as two, look alike in every table. A band's name
has no comma, since the command line separates bands by commas.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from raysat.errors import DataError
from raysat.files.fields import MAX_CLASSES
from raysat.formatting import echo

Kind = Literal["class", "band", "sensor"]

MAX_LENGTH: Final = 100  # characters of a name: what a table still shows
MAX_BANDS: Final = 1_000  # imaging spectrometers have some 250
_MOST: Final = {"class": MAX_CLASSES, "band": MAX_BANDS, "sensor": 1}
_PLURALS: Final = {"class": "classes", "band": "bands", "sensor": "sensors"}
_ADVICE: Final = {
    "class": "give it another name where the classes come from: labels, folders or {--classes}",
    "band": "give it another name with {--bands}",
    "sensor": "use a known sensor",
}


def name_fault(name: str, kind: Kind) -> str:
    """What keeps a text from being a name of this kind, or nothing."""
    if not name:
        return f"a {kind} has an empty name"
    if len(name) > MAX_LENGTH:
        return f"{kind} {echo(name)} has {len(name):,} characters, a name has at most {MAX_LENGTH}"
    if not name.isprintable():
        return f"{kind} {echo(name)} has a character that cannot be printed"
    if name != name.strip():
        return f"{kind} {echo(name)} begins or ends with a space"
    if kind == "band" and "," in name:
        return f"band {echo(name)} has a comma, which separates bands"
    return ""


def names_fault(names: Sequence[str], kind: Kind) -> str:
    """What keeps texts from being the names of this kind in one store, or nothing."""
    if not 1 <= len(names) <= _MOST[kind]:
        return f"{len(names):,} {_PLURALS[kind]}; a store holds 1 to {_MOST[kind]:,}"
    seen: dict[str, str] = {}
    for name in names:
        if fault := name_fault(name, kind):
            return fault
        if (other := seen.setdefault(_folded(name), name)) != name:
            return f"{_PLURALS[kind]} {echo(other)} and {echo(name)} differ in case or Unicode form alone"
    if len(seen) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return f"{kind} {echo(twice)} is named twice"
    return ""


def check_name(name: str, kind: Kind) -> None:
    """Raise DataError for a text that cannot be a name of this kind."""
    if fault := name_fault(name, kind):
        raise DataError(fault, hint=_ADVICE[kind])


def check_names(names: Sequence[str], kind: Kind) -> None:
    """Raise DataError for texts that cannot be the names of this kind in one store."""
    if fault := names_fault(names, kind):
        many = kind == "class" and len(names) > MAX_CLASSES
        raise DataError(fault, hint="is the label column right?" if many else _ADVICE[kind])


def _folded(name: str) -> str:
    """The same text for names that look alike."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
