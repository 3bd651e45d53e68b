"""How the values of a search's parameters, and of what a study tunes, are written: their part of the JSON Schemas."""

from __future__ import annotations

from typing import Final

from raysat.config import limits
from raysat.config.json_schema import Schema, key_ref, member, section_ref
from raysat.config.schema import Config, variants
from raysat.study.distribution import DISTRIBUTIONS, NOT_SEARCHED

_NUMBERS: Final = {
    "number": ("uniform", "log_uniform", "int"),
    "integer": ("int",),
}  # what a key's type may be drawn by


def value_schemas(at: str, *, kinds: bool) -> Schema:
    """Return the schema of every section and dotted key whose values may be searched, by name.

    Args:
        at: where in the file's schema they will be.
        kinds: whether a whole section, and with it a kind, may be chosen.
    """
    parameters: Schema = {}
    for section in Config.by_key():
        if section in NOT_SEARCHED:
            continue
        types: dict[str, set[str]] = {}
        for model in variants(section).values():
            for key, schema in member(model)["properties"].items():
                types.setdefault(key, set()).update(_types(schema))
        keys = {
            key: _distribution(key_ref(section, key), found)
            for key, found in types.items()
            if f"{section}.{key}" not in NOT_SEARCHED and (kinds or key != "kind")
        }
        nested = {key: {"$ref": f"{at}/{section}.{key}"} for key in keys}
        whole = {"choice": _choice(section_ref(section))} if kinds else {}
        parameters[section] = {
            "type": "object",
            "minProperties": 1,
            "properties": {**whole, **nested},
            "additionalProperties": False,
        }
        parameters |= {f"{section}.{key}": schema for key, schema in keys.items()}
    return parameters


def _types(schema: Schema) -> set[str]:
    return {option["type"] for option in schema.get("anyOf", [schema]) if "type" in option}


def _distribution(key: Schema, types: set[str]) -> Schema:
    """One of the distributions of a key whose values have these types."""
    ranges = dict.fromkeys(name for kind in sorted(types & set(_NUMBERS), reverse=True) for name in _NUMBERS[kind])
    properties = {name: _range(name, key) for name in ranges} | {"choice": _choice(key)}
    return {
        "type": "object",
        "minProperties": 1,
        "not": {"minProperties": 2},  # beside maxProperties: 1 yaml-language-server 1.25 would suggest no key
        "properties": properties,
        "additionalProperties": False,
    }


def _range(name: str, key: Schema) -> Schema:
    bound = {**key, "type": "integer" if name == "int" else "number"}
    if name == "log_uniform":
        bound["exclusiveMinimum"] = 0
    return {"description": DISTRIBUTIONS[name], "type": "array", "items": bound, "minItems": 2, "maxItems": 2}


def _choice(values: Schema) -> Schema:
    return {
        "description": DISTRIBUTIONS["choice"],
        "type": "array",
        "items": values,
        "minItems": 2,
        "maxItems": limits.CHOICES,
        "uniqueItems": True,
    }
