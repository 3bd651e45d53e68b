"""What a scalar of a YAML file is: a text, a number, true, false or null (YAML 1.2; a date is a text)."""

from __future__ import annotations

from typing import Final

from ruamel.yaml.events import Event, ScalarEvent
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from raysat.config.yaml_syntax import YamlSyntaxError
from raysat.formatting import echo

Scalar = bool | int | float | str | None
MERGE: Final = "<<"  # as a key: what it holds is laid under the mapping that it stands in
_DIGITS: Final = 1_000  # of a number; more are a slip, and take Python long
_BASES: Final = {"0b": 2, "0o": 8, "0x": 16}


class ScalarReader:
    """Tells by its form what a plain scalar is, as the YAML 1.2 rules of ruamel.yaml do."""

    def __init__(self) -> None:
        self._resolver = VersionedResolver()

    def read(self, event: ScalarEvent) -> Scalar:
        """Return the value of a scalar without tag. Raises YamlSyntaxError for a number that is none."""
        text: str = event.value
        tag = str(self._resolver.resolve(ScalarNode, text, event.implicit)).rpartition(":")[2]
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag in ("int", "float"):
            return _number(text, tag, event.start_mark.line + 1)
        return text


def is_merge_key(event: Event) -> bool:
    """Whether a key is ``<<``, and not in quotes."""
    return isinstance(event, ScalarEvent) and event.value == MERGE and bool(event.implicit[0])


def is_empty(event: Event) -> bool:
    """Whether nothing is written in a value's place."""
    return isinstance(event, ScalarEvent) and not event.value and bool(event.implicit[0])


def _number(text: str, kind: str, line: int) -> float:
    if len(text) > _DIGITS:
        message = f"a number of {len(text):,} characters, more than {_DIGITS:,}"
        raise YamlSyntaxError(line, message, "give a smaller number, or quote it where it is a text")
    digits = text.replace("_", "").lower()
    try:
        if kind == "float":
            return float(digits.replace(".inf", "inf").replace(".nan", "nan"))
        sign, digits = (-1 if digits.startswith("-") else 1), digits.lstrip("+-")
        base = _BASES.get(digits[:2])
        return sign * (int(digits[2:], base) if base else int(digits))
    except ValueError:
        raise YamlSyntaxError(line, f"{echo(text)} is no number", "quote it where it is a text") from None
