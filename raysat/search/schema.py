"""The JSON Schema of a search file, by which an editor completes and checks one. ``load.py`` refuses more."""

from __future__ import annotations

from typing import Final

from raysat.config import limits
from raysat.config.json_schema import OVERRIDE, Schema, by_kind, key_ref, member, section_ref
from raysat.config.schema import Config, variants
from raysat.search.distribution import DISTRIBUTIONS, NOT_SEARCHED
from raysat.search.keys import SEARCH_KEYS
from raysat.search.options import Budget, SearchOptions
from raysat.study.schema import NAME, PLUGINS, SEED, definitions, file_schema

_NUMBERS: Final = {
    "number": ("uniform", "log_uniform", "int"),
    "integer": ("int",),
}  # what a key's type may be drawn by


def search_schema() -> Schema:
    """Return the schema (draft 2020-12)."""
    written: Schema = {
        "study": NAME,
        "base": OVERRIDE,
        "seeds": {
            "default": [0],
            "anyOf": [{"const": 1}, {"type": "array", "items": SEED, "minItems": 1, "maxItems": 1}],
        },
        "plugins": PLUGINS,
        "search": {
            "type": "object",
            "minProperties": 1,
            "properties": _parameters(),
            "additionalProperties": False,
        },
        **{key: _option(key) for key in SearchOptions.by_key()},
    }
    return file_schema("A search of raysat", written, SEARCH_KEYS) | {
        "required": ["search"],
        "$defs": definitions() | _members(),
    }


def _option(key: str) -> Schema:
    """One of the keys that say how the search proceeds."""
    family, default = variants(key, SearchOptions), SearchOptions.by_key()[key].default
    ref = {"$ref": f"#/$defs/{type(default).__name__}"}
    written = default.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"default": written, **(by_kind(key, family, ref) if len(family) > 1 else ref)}


def _members() -> dict[str, Schema]:
    models = (model for key in SearchOptions.by_key() for model in variants(key, SearchOptions).values())
    schemas = {model.__name__: member(model) for model in models}
    budget = schemas[Budget.__name__]
    budget["anyOf"] = [{"required": [name]} for name in budget["properties"]]
    return schemas


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
