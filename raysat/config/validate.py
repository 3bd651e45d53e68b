"""From a tree to a typed model, with errors that name file, line, key, value and bound."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from raysat.config import hints, limits
from raysat.config.families.base import Spec, TooSmallError
from raysat.config.plugins.settings import SECTIONS, UnknownKindError
from raysat.config.schema import Config, variants
from raysat.config.yaml_source import Key, YamlValue
from raysat.errors import StudyError, did_you_mean
from raysat.formatting import echo

_M = TypeVar("_M", bound=Spec)

_BOUNDS: Final = {
    "greater_than": ("gt", ">", "set it above {}"),
    "greater_than_equal": ("ge", ">=", "set it to {} or more"),
    "less_than": ("lt", "<", "set it below {}"),
    "less_than_equal": ("le", "<=", "set it to {} or less"),
    "multiple_of": ("multiple_of", "a multiple of", "set it to {} or a multiple of that"),
}
_TYPES: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
}
_EPOCHS: Final = Config().optim.epochs  # where none are given
# What may have one of several types, of which the errors of each would name its own alone: it, and an item of it.
_EITHER: Final[dict[Key, tuple[str, str]]] = {
    ("data", "bands"): ("'all', a composite's name, or a list of bands", "a band's number or name"),
    ("data", "drop"): ("a list of bands", "a band's number or name"),
    ("synthetic", "bands"): ("'all', a composite's name, or a list of bands", "a band's number or name"),
    ("synthetic", "classes"): ("'minority' or a list of classes", "a class's number or name"),
    ("model", "trains"): ("all, head or a whole number from 1 to 100", ""),
    ("model", "weights"): ("torchgeo: and a name, or the path of a file", ""),
    ("model", "weights_scale"): ("a number above 0, at most 1e9, or standardised", ""),
    ("model", "weights_hash"): ("16 digits from 0 to 9 and a to f, as raysat's plan has them", ""),
}


def validate_config(tree: YamlValue, *, arm: str) -> Config:
    """Validate an arm's configuration. Raises StudyError, which names the arm too."""
    return validate(Config, tree, where=f" (arm {echo(arm)})")


def validate(model: type[_M], tree: YamlValue, *, where: str = "") -> _M:
    """Return a tree of sections as a model, validated.

    Args:
        model: what it is to be.
        tree: nested mappings with their places.
        where: ends the message of an error.

    Raises:
        StudyError: names file and line (or the option), key, value and bound.
    """
    try:
        return model.model_validate(tree.value, by_alias=True, by_name=False)  # a file has the keys that are documented
    except ValidationError as error:
        key, detail = max((_relevant(item, tree.value) for item in error.errors()), key=lambda pair: len(pair[0]))
    message, hint = _explain(model, key, detail, tree.value)
    section = f" {key[0]}" if model is Config and key and key[0] in Config.model_fields else ""
    hint = hint or f"{{raysat methods}}{section} says what each may be"
    raise StudyError(f"{tree.location(key)}: {message}{where}", hint=hint)


def _relevant(detail: Mapping[str, Any], value: Any) -> tuple[Key, Mapping[str, Any]]:
    """Drop from an error's location what is not a key of the file (the tags of unions)."""
    key: list[str | int] = []
    for part in detail["loc"]:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if inside:
            key.append(part)
            value = value[part]
    return tuple(key), detail


def _explain(model: type[Spec], key: Key, detail: Mapping[str, Any], value: Any) -> tuple[str, str | None]:
    """Return the message and the hint of one validation error."""
    path, kind, given = ".".join(map(str, key)), detail["type"], detail.get("input")
    context = detail.get("ctx", {})
    # A plugin's model may have settings of these names.
    if key[:2] in _EITHER and kind != "extra_forbidden" and not (key[0] == "model" and "kind" in value["model"]):
        whole, item = _EITHER[key[:2]]
        return f"{path} must be {whole if len(key) == 2 else item}, got {echo(given)}", hints.one_of(key, given)
    optim = value.get("optim")
    epochs = optim.get("epochs", _EPOCHS) if isinstance(optim, dict) else _EPOCHS
    if kind == "extra_forbidden":
        if model is Config and key == ("model", "name") and "kind" in value["model"]:
            both = f"name {echo(given)} and kind {echo(value['model']['kind'])}"
            return f"a model has a name, of timm, or a kind, of a plugin, not both: got {both}", "leave one of them out"
        return f"unknown key {path!r}", _unknown(model, key, value)
    if kind in _BOUNDS:
        name, sign, advice = _BOUNDS[kind]
        bound = f"{context[name]:,}" if isinstance(context[name], int) else f"{context[name]:,g}"
        meant = hints.value(key, "", given, epochs)
        return f"{path} must be {sign} {bound}, got {echo(given)}", meant or advice.format(bound)
    if isinstance(context.get("error"), TooSmallError):
        least = f"{limits.SMALLEST:g}"
        return f"{path} must be 0 or >= {least}, got {echo(given)}", f"set it to 0, or to {least} or more"
    if kind == "union_tag_invalid" or isinstance(context.get("error"), UnknownKindError):
        family = variants(path, model)
        known = [kind for kind in family if kind]
        kind_given = given["kind"] if isinstance(given, dict) else given
        several = "name one kind: compare several with arms or a grid" if isinstance(kind_given, list) else None
        may_be = f"one of {', '.join(known)}" if known else f"that of a plugin's {path}"
        message = f"{path}.kind must be {may_be}, got {echo(kind_given)}"
        own = "{raysat methods} lists them; one of your own needs its {--plugin}" if path in SECTIONS else None
        if "" in family:
            own = f"those of timm are called by {path}.name, without a kind; one of your own needs its {{--plugin}}"
        return message, several or did_you_mean(kind_given, known) or own
    if kind == "string_too_short":
        return f"{path} must not be empty", None
    if kind == "too_short":
        return f"{path} must hold at least {context['min_length']}, got {echo(given)}", None
    if kind == "literal_error":
        known = [word.strip(" '") for word in re.split(r",| or ", context["expected"])]
        return f"{path} must be {context['expected']}, got {echo(given)}", did_you_mean(given, known)
    if kind in _TYPES:
        wanted = _TYPES[kind]
        hint = hints.section(path, given) if wanted == "a mapping" else hints.value(key, wanted, given, epochs)
        return f"{path} must be {wanted}, got {echo(given)}", hint
    if kind == "value_error":
        return f"{path}: {context['error']}", getattr(context["error"], "hint", None)
    return f"{path}: {detail['msg']}, got {echo(given)}", None


def _unknown(model: type[Spec], key: Key, value: Any) -> str:
    """The hint on an unknown key: of a section, or in place of one."""
    known = sorted(_known_keys(model, key, value))
    if model is not Config:
        return hints.unknown_key(key[-1], known)
    if len(key) > 1:
        return hints.unknown_key(key[-1], known, str(key[0]))
    return did_you_mean(key[0], known) or hints.section_of(key[0]) or hints.unknown_key(key[0], known)


def _known_keys(model: type[Spec], key: Key, value: Any) -> Iterable[str]:
    """The keys that a section does have, or the sections themselves."""
    if len(key) == 1:
        return model.by_key()
    section = str(key[0])
    return variants(section, model)[value[section].get("kind", "")].by_key()
