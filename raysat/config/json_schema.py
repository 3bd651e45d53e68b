"""The configuration as JSON Schema (draft 2020-12): its sections, and an override of them as a file may write it.

A section is a member of its family, told apart by ``kind``, or keys alone, which then are those of the kind that they
are laid over. An override has sections, and single keys of them by dotted names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from raysat.config.describe import read_docstring
from raysat.config.families.base import Spec
from raysat.config.schema import Config, variants

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
OVERRIDE: Final[Schema] = {"$ref": "#/$defs/override"}


def config_definitions() -> dict[str, Schema]:
    """Return the ``$defs`` of an override: each member, each section, and ``override`` with all keys."""
    definitions: dict[str, Schema] = {}
    override: Schema = {}
    for section, field in Config.by_key().items():
        family = variants(section)
        override[section] = section_ref(section)
        keys = _keys(section)
        override |= {f"{section}.{key}": schema for key, schema in keys.items()}
        if list(family) == [""]:
            definitions[section] = {**_described(field.description), **member(family[""])}
            continue
        definitions |= {model.__name__: member(model) for model in family.values()}
        alone = {key: key_ref(section, key) for key in keys if key != "kind"}
        definitions[section] = {
            **_described(field.description),
            "default": field.default.model_dump(mode="json"),
            **by_kind(section, family, {"properties": alone, "additionalProperties": False}),
        }
    # Nothing after a key is an empty mapping.
    definitions["override"] = {"type": ["object", "null"], "properties": override, "additionalProperties": False}
    return definitions


def section_ref(section: str) -> Schema:
    """Refer to a section, as one of ``config_definitions``."""
    return {"$ref": f"#/$defs/{section}"}


def key_ref(section: str, key: str) -> Schema:
    """Refer to one key of a section."""
    return {"$ref": f"#/$defs/override/properties/{section}.{key}"}


def override_keys() -> dict[str, Schema]:
    """Return a reference for each key of an override: ``loss``, ``loss.kind``, ``loss.max_margin`` ..."""
    refs: dict[str, Schema] = {}
    for section in Config.by_key():
        refs |= {section: section_ref(section)} | {f"{section}.{key}": key_ref(section, key) for key in _keys(section)}
    return refs


def by_kind(section: str, family: Mapping[str, type[Spec]], without: Schema) -> Schema:
    """Return the schema of a mapping that is a member of a family, so that a mistake in it is told as one of its kind.

    Args:
        section: what the family is called.
        family: its members by kind, each of which has a definition.
        without: what the mapping is where it has no ``kind``.
    """
    cases = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{model.__name__}"},
        }
        for kind, model in family.items()
        if kind
    ]
    return {
        "type": "object",
        "properties": {"kind": _kind(section, family)},
        "allOf": [*cases, {"if": {"required": ["kind"]}, "else": without}],
    }


def _kind(section: str, family: Mapping[str, type[Spec]]) -> Schema:
    members = {kind: model for kind, model in family.items() if kind}
    lines = [f"{kind}: {read_docstring(model)[0]}." for kind, model in members.items()]
    return {"description": "\n\n".join([f"Which {section}.", *lines]), "enum": list(members)}


def member(model: type[Spec]) -> Schema:
    """Return the schema of a mapping that is one model: a section without kinds, or a member of a family."""
    schema = model.model_json_schema(by_alias=True)
    properties = {key: _untitled(value) for key, value in schema["properties"].items()}
    summary, details, labels = read_docstring(model)
    if "kind" in properties:
        properties["kind"] = {"const": properties["kind"]["const"], "description": f"{summary}."}
    sentences = [f"{summary}.", details, *(f"{label}: {text}" for label, text in labels.items())]
    return {
        "description": "\n\n".join(sentence for sentence in sentences if sentence),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _keys(section: str) -> dict[str, Schema]:
    """Every key of a section, of whichever kind: as one member has it, or as any of those that differ."""
    family = variants(section)
    found: dict[str, list[tuple[Schema, Schema]]] = {}  # key -> schemas that differ, and how to refer to each
    for model in family.values():
        place = model.__name__ if len(family) > 1 else section
        for key, schema in member(model)["properties"].items():
            known = found.setdefault(key, [])
            if all(schema != other for other, _ in known):
                known.append((schema, {"$ref": f"#/$defs/{place}/properties/{key}"}))
    keys = {key: refs[0][1] if len(refs) == 1 else {"anyOf": [ref for _, ref in refs]} for key, refs in found.items()}
    if len(family) > 1:
        keys["kind"] = _kind(section, family)
    return keys


def _untitled(schema: Schema) -> Schema:
    """Leave out the titles, which repeat the names of keys."""
    return {key: value for key, value in schema.items() if key != "title"}


def _described(description: str | None) -> Schema:
    return {"description": str(description)}
