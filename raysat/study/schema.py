"""The JSON Schema of a study file, by which an editor completes and checks one. ``load.py`` refuses more than it can.

It accepts what raysat accepts, but for a ``base`` that gives a kind keys of another one, which its arms would choose.
"""

from __future__ import annotations

from typing import Final

from raysat.config import limits
from raysat.config.json_schema import DIALECT, OVERRIDE, Schema, config_definitions, override_keys
from raysat.data.bands import COMPOSITES
from raysat.data.groups import LEAST_BLOCK
from raysat.data.lengths import FORM, LONGEST
from raysat.files import SAFE_NAME
from raysat.study.compare import COMPARABLE, MOST, OF_A_CLASS
from raysat.study.folds import VAL
from raysat.study.keys import STUDY_KEYS
from raysat.study.rounds import MOST as MOST_ROUNDS
from raysat.study.tuning import DEFAULT_SEED
from raysat.study.values_schema import value_schemas


def _length(least: float) -> Schema:
    """Metres, or a number with its unit."""
    metres: Schema = {"type": "number", "minimum": least, "maximum": LONGEST}
    return {"anyOf": [metres, {"type": "string", "pattern": f"^{FORM.pattern}$"}]}


SEED: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
NAME: Final[Schema] = {"type": ["string", "null"], "pattern": f"^{SAFE_NAME.pattern}$"}
PLUGINS: Final[Schema] = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_ARM: Final[Schema] = {"type": "string", "minLength": 1}
_METRIC: Final[Schema] = {
    "anyOf": [{"enum": list(COMPARABLE)}, {"pattern": f"^({'|'.join(m.name for m in OF_A_CLASS)})_"}],
    "type": "string",
    "default": COMPARABLE[0],
}
CONTRAST: Final[Schema] = {
    "anyOf": [
        _ARM,
        {"type": "array", "items": _ARM, "minItems": 2, "maxItems": 2},
        {
            "type": "object",
            "properties": {"arm": _ARM, "to": _ARM, "metric": _METRIC},
            "required": ["arm"],
            "additionalProperties": False,
        },
    ]
}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 2, "maximum": limits.FOLDS}
FOLDS: Final[Schema] = {
    "anyOf": [
        _NUMBER,
        {
            "type": "object",
            "properties": {
                "number": _NUMBER,
                "block": _length(LEAST_BLOCK),
                "buffer": {**_length(0), "default": 0},
                "val": {"type": "number", "minimum": limits.LEAST_SHARE, "maximum": limits.SHARE, "default": VAL},
                "seed": {**SEED, "default": 0},
            },
            "required": ["number"],
            "additionalProperties": False,
        },
    ]
}


def study_schema() -> Schema:
    """Return the schema (draft 2020-12)."""
    axes: Schema = {key: {"type": "array", "minItems": 1, "items": value} for key, value in override_keys().items()}
    some = {"type": "object", "minProperties": 1}
    written: Schema = {
        "study": NAME,
        "base": OVERRIDE,
        "seeds": {
            "default": [0],
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": limits.SEEDS},
                {"type": "array", "items": SEED, "minItems": 1, "maxItems": limits.SEEDS, "uniqueItems": True},
            ],
        },
        "arms": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"type": "string", "pattern": r"\S", "maxLength": limits.NAME},
            "additionalProperties": OVERRIDE,
        },
        "grid": {"$ref": "#/$defs/axes", "minProperties": 1},
        "zip": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/axes", "minProperties": 1}},
        "exclude": {"type": "array", "minItems": 1, "items": {**OVERRIDE, **some}},
        "stores": {
            "type": "array",
            "items": {"type": "string", "pattern": r"\S", "maxLength": limits.PATH},
            "minItems": 2,
            "maxItems": limits.STORES,
            "uniqueItems": True,
        },
        "folds": FOLDS,
        "plugins": PLUGINS,
        "compare": {"type": "array", "minItems": 1, "maxItems": MOST, "items": CONTRAST},
        "tune": {
            "type": "object",
            "properties": {
                "per_arm": {"type": "integer", "minimum": 2, "maximum": limits.CANDIDATES},
                "over": {
                    "type": "object",
                    "minProperties": 1,
                    "properties": value_schemas("#/properties/tune/properties/over/properties", kinds=False),
                    "additionalProperties": False,
                },
                "rounds": {"type": "integer", "minimum": 1, "maximum": MOST_ROUNDS, "default": 1},
                "seed": {**SEED, "default": DEFAULT_SEED},
                "draws": {**SEED, "default": 0},
            },
            "required": ["per_arm", "over"],
            "additionalProperties": False,
        },
        "reference": {"type": ["string", "null"]},
    }
    return file_schema("A study of raysat", written, STUDY_KEYS) | {
        "$defs": {
            **definitions(),
            "axes": {"type": "object", "properties": axes, "additionalProperties": False},
        }
    }


def file_schema(title: str, written: Schema, keys: dict[str, str]) -> Schema:
    """Return the schema of a file, without its ``$defs``.

    Args:
        title: what the file is.
        written: how each key is written.
        keys: what each key says.
    """
    properties = {key: {"description": text, **written[key]} for key, text in keys.items()}
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def definitions() -> dict[str, Schema]:
    """Return the ``$defs`` of the configuration, bands named by the composites that there are."""
    found = config_definitions()
    named = {"enum": ["all", *COMPOSITES]}
    for bands in (found[name]["properties"]["bands"] for name in ("data", "Dcgan", "Flow")):
        bands["anyOf"] = [named if option.get("type") == "string" else option for option in bands["anyOf"]]
    return found
