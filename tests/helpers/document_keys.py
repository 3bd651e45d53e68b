"""The keys of every document, a line each, from its schema: ``python -m tests.helpers.document_keys`` writes the file.

A key that is gone or renamed is a new ``schema_version``; one that is new is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from raysat.documents.base import document_schema
from raysat.documents.catalog import NAMES, document_model
from tests.helpers.paths import ROOT

FILE: Final = ROOT / "tests" / "documents" / "keys.txt"


def all_keys() -> str:
    """What the file holds."""
    return "".join(f"{name}{key}\n" for name in NAMES for key in keys_of(document_schema(document_model(name))))


def keys_of(schema: Mapping[str, Any]) -> Iterator[str]:
    """Paths of a schema, such as ``.arms[].recall{}.mean: number or null``; parts within parts once each."""
    yield from _keys(schema, schema.get("$defs", {}), "")


def _keys(schema: Mapping[str, Any], parts: Mapping[str, Any], path: str) -> Iterator[str]:
    """The keys of an object, each with the types of its value."""
    for name, value in schema.get("properties", {}).items():
        yield f"{path}.{name}: {' or '.join(dict.fromkeys(_types(value, parts)))}"
        yield from _below(value, parts, f"{path}.{name}")


def _below(value: Mapping[str, Any], parts: Mapping[str, Any], path: str) -> Iterator[str]:
    for each in value.get("anyOf", [value]):
        if "$ref" in each:
            yield from _keys(parts[each["$ref"].rpartition("/")[2]], parts, path)
        elif isinstance(each.get("items"), dict):
            yield from _below(each["items"], parts, f"{path}[]")
        elif isinstance(each.get("additionalProperties"), dict):
            yield from _below(each["additionalProperties"], parts, f"{path}{{}}")


def _types(value: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    for each in value.get("anyOf", [value]):
        if "$ref" in each:
            yield from _types(parts[each["$ref"].rpartition("/")[2]], parts)
        elif "const" in each:
            yield str(each["const"])
        elif "enum" in each:
            yield " or ".join(map(str, each["enum"]))
        else:
            yield str(each.get("type", "anything"))


if __name__ == "__main__":
    FILE.write_text(all_keys(), encoding="utf-8")
