"""The JSON Schema of a search file, by which an editor completes and checks one. ``load.py`` refuses more."""

from __future__ import annotations

from raysat.config.json_schema import OVERRIDE, Schema, by_kind, member
from raysat.config.schema import variants
from raysat.search.keys import SEARCH_KEYS
from raysat.search.options import Budget, SearchOptions
from raysat.study.schema import NAME, PLUGINS, SEED, definitions, file_schema
from raysat.study.values_schema import value_schemas


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
            "properties": value_schemas("#/properties/search/properties", kinds=True),
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
