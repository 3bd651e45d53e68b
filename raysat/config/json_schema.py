"""The configuration as JSON Schema (draft 2020-12): its sections, and an override of them as a file may write it.

A section is one of the members of its family, told apart by ``kind``, or keys alone, which then mean those of the kind
that is laid over. An override has sections, and single keys of them by dotted names.
"""

from __future__ import annotations

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
        if "" in family:
            definitions[section] = {**_described(field.description), **member(family[""])}
            continue
        definitions |= {model.__name__: member(model, require_kind=True) for model in family.values()}
        alone = {key: key_ref(section, key) for key in keys if key != "kind"}
        definitions[section] = {
            **_described(field.description),
            "default": field.default.model_dump(mode="json"),
            "oneOf": [
                *({"$ref": f"#/$defs/{model.__name__}"} for model in family.values()),
                {"type": "object", "properties": alone, "additionalProperties": False},
            ],
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


def member(model: type[Spec], *, require_kind: bool = False) -> Schema:
    """Return the schema of a mapping that is one model, described by its docstring.

    Args:
        model: a section without kinds, or a member of a family.
        require_kind: where another member is the default of its family.
    """
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
        **({"required": ["kind"]} if require_kind else {}),
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
        keys["kind"] = {"description": f"Which {section}.", "enum": list(family)}
    return keys


def _untitled(schema: Schema) -> Schema:
    """Leave out the titles, which repeat the names of keys."""
    return {key: value for key, value in schema.items() if key != "title"}


def _described(description: str | None) -> Schema:
    return {"description": str(description)}
