"""The JSON Schema of a search file, by which an editor completes and checks one. ``load.py`` refuses more."""

from __future__ import annotations

from typing import Any, Final

from raysat.config.json_schema import OVERRIDE, Schema, key_ref, member, section_ref
from raysat.config.schema import Config, variants
from raysat.search.distribution import DISTRIBUTIONS, NOT_SEARCHED
from raysat.search.keys import SEARCH_KEYS
from raysat.search.options import SearchOptions
from raysat.study.schema import NAME, SEED, definitions, file_schema

_NUMBERS: Final = {
    "number": ("uniform", "log_uniform", "int"),
    "integer": ("int",),
}  # what a key's type may be drawn by


def search_schema() -> Schema:
    """Return the schema (draft 2020-12)."""
    options = {key: _option(key) for key in SearchOptions.by_key()}
    written: Schema = {
        "study": NAME,
        "base": OVERRIDE,
        "seeds": {
            "default": [0],
            "anyOf": [{"const": 1}, {"type": "array", "items": SEED, "minItems": 1, "maxItems": 1}],
        },
        "search": {
            "type": "object",
            "minProperties": 1,
            "properties": _parameters(),
            "additionalProperties": False,
        },
        **options,
    }
    members = {
        model.__name__: _member(key, model) for key in options for model in variants(key, SearchOptions).values()
    }
    return file_schema("A search of raysat", written, SEARCH_KEYS) | {
        "required": ["search"],
        "$defs": {**definitions(), **members},
    }


def _option(key: str) -> Schema:
    """One of the keys that say how the search proceeds."""
    refs = [{"$ref": f"#/$defs/{model.__name__}"} for model in variants(key, SearchOptions).values()]
    default = SearchOptions.by_key()[key].default.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"default": default, **({"oneOf": refs} if len(refs) > 1 else refs[0])}


def _member(key: str, model: Any) -> Schema:
    default = SearchOptions.by_key()[key].default
    schema = member(model, require_kind=not isinstance(default, model))
    if key == "budget":
        schema["anyOf"] = [{"required": [name]} for name in schema["properties"]]
    return schema


def _parameters() -> Schema:
    """Every section and every dotted key that may be searched, with the distributions that it may have."""
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
            if f"{section}.{key}" not in NOT_SEARCHED
        }
        nested = {key: {"$ref": f"#/properties/search/properties/{section}.{key}"} for key in keys}
        parameters[section] = {
            "type": "object",
            "minProperties": 1,
            "properties": {"choice": _choice(section_ref(section)), **nested},
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
        "maxProperties": 1,
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
        "uniqueItems": True,
    }
