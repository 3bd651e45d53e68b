"""What to do about a wrong key or value: the hint of an error, from what was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from raysat.config.schema import Config, variants
from raysat.errors import did_you_mean, nearest, suggest
from raysat.formatting import echo

_OTHER_WORDS: Final = {"learning_rate": "lr", "type": "kind", "momentum_decay": "momentum", "n_epochs": "epochs"}
_YES_NO: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_WORDS_OR_NUMBERS: Final = {("model", "trains"): ("all", "head"), ("model", "weights_scale"): ("standardised",)}
_OF_TRAINING: Final = ("switch", "start", "every", "milestones", "warmup", "peak")  # keys of fractions of training


def unknown_key(word: object, known: Sequence[str], section: str = "") -> str:
    """Return the hint on a key that is none of the known ones.

    Args:
        word: the key as written.
        known: the keys that there are.
        section: of a configuration, whose other kinds may have the key.

    Returns:
        The nearest key, what may be missing after it, the kind that has it, or all keys.
    """
    text = str(word)
    first = re.match(r"[A-Za-z_]+", text)
    if first and first[0] != text and first[0] in known:
        return f"write {first[0]!r}, a colon and a space before its value"
    having = [kind for kind, member in variants(section).items() if kind and text in member.by_key()] if section else []
    if having:
        if len(having) == 1:
            return f"{having[0]} has it: write {section}.kind: {having[0]}"
        return f"{', '.join(having[:-1])} and {having[-1]} have it: write one of these as {section}.kind"
    if _OTHER_WORDS.get(text) in known:
        return f"did you mean {_OTHER_WORDS[text]!r}?"
    return suggest(text, known)


def outside_base(word: object) -> str | None:
    """Return the hint on a key of a configuration that stands beside base; None for any other key."""
    if word == "data":
        return "name the patches by {--data}; which of their bands to use stands under base: {data: {bands: all}}"
    if word in Config.model_fields:
        return f"{word} is a part of a configuration: put it under base, or under an arm"
    return section_of(word)


def section_of(word: object) -> str | None:
    """Return the hint on a key that stands outside of the section that has it; None for any other key."""
    for section in sorted(Config.model_fields, key=lambda name: name == "synthetic"):  # whose lr is not the one meant
        if word != "kind" and any(word in member.by_key() for member in variants(section).values()):
            return f"did you mean {f'{section}.{word}'!r}, under base or under an arm?"
    return None


def section(name: str, given: Any) -> str | None:
    """Return the hint on a section that is no mapping.

    Args:
        name: of the section.
        given: what stands in its place.
    """
    if name not in Config.model_fields:
        return None
    members = variants(name)
    if given is None:
        return f"give it keys, indented below it, or leave {name} out"
    if isinstance(given, list) and len(given) > 1:
        return f"an arm has one {name}: compare several with arms or a grid"
    text = str(given[0] if isinstance(given, list) and given else given)
    if key := re.fullmatch(r"(\w+):(\S+)", text):
        return f"put a space after the colon: {key[1]}: {key[2]}"
    if "" in members and text not in members:  # no family: its first key is the one that matters
        return f"write {name}: {{{next(iter(members[''].by_key()))}: {text}}}"
    kind = nearest(text, members)
    return f"write {name}: {{kind: {kind}}}" if kind else f"write {name}: {{kind: ...}}, of {', '.join(members)}"


def value(key: tuple[str | int, ...], wanted: str, given: Any, epochs: Any) -> str | None:
    """Return the hint on a value of a wrong type, or beyond a bound.

    Args:
        key: where it stands.
        wanted: what is asked for there, such as ``a number``; empty for a bound.
        given: the value.
        epochs: of the training, for a fraction of it.

    Returns:
        How to write what was probably meant; None where nothing is known.
    """
    name = str(next((part for part in reversed(key) if isinstance(part, str)), ""))
    if given is None:
        return f"give {name} a value, or leave it out"
    if isinstance(given, str):
        return _text(wanted, given.strip())
    if wanted == "a whole number" and isinstance(given, float) and given.is_integer():
        return f"write {int(given)}"
    if wanted == "a list" and not isinstance(given, dict):
        return f"write a list: [{echo(given)}]"
    whole = type(given) is int and type(epochs) is int
    if not wanted and name in _OF_TRAINING and whole and 1 < given <= epochs:
        return f"it is a fraction of training: {given} of {epochs} epochs is {given / epochs:.4g}"
    return None


def one_of(key: tuple[str | int, ...], given: Any) -> str | None:
    """Return the hint on a value that is none of several types which a setting takes.

    Args:
        key: where it stands.
        given: the value.

    Returns:
        How to write what was probably meant; None where nothing is known.
    """
    if key not in _WORDS_OR_NUMBERS or not isinstance(given, str):
        return None
    if _number(given) is not None:
        return f"write it without quotes: {given.strip()}"
    return did_you_mean(given, _WORDS_OR_NUMBERS[key])


def _text(wanted: str, given: str) -> str | None:
    """A text that stands where another type is wanted."""
    if wanted == "true or false":
        meant = _YES_NO.get(given.lower(), given.lower())
        return f"write {meant}" if meant in ("true", "false") else "write true or false"
    if wanted not in ("a number", "a whole number"):
        return None
    if _number(given) is not None:
        return f"write it without quotes: {given}"
    if given.count(",") == 1 and _number(given.replace(",", ".")) is not None:
        return f"write it with a point: {given.replace(',', '.')}"
    if given.endswith("%") and (share := _number(given[:-1])) is not None:
        return f"write it as a fraction: {share / 100:g}"
    return "write a number, such as 0.001 or 1e-3" if wanted == "a number" else "write a number, such as 40"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
