"""What can be configured, in words: each method with when to use it, its cost, its paper and its settings.

All of it stands with the models: a class's docstring has a summary, details, and the paragraphs ``Use:``, ``Cost:`` and
``Paper:``; a field has its description, default and bounds.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raysat.config.arguments import checked
from raysat.config.families.base import Spec
from raysat.config.schema import Config, Model, variants
from raysat.errors import UsageError, suggest

_LABEL = re.compile(r"(Use|Cost|Paper): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """One setting of a method, as texts."""

    name: str
    default: str  # as a file has it: 0.5, true, null, [0.6, 0.8]
    range: str  # what it may be
    description: str
    summary: str = ""  # of a setting that is a method by itself, in a line; with its paper and cost
    paper: str = ""
    cost: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodInfo:
    """One method: a member of a family or, by its own name, a section that has no kinds."""

    section: str
    name: str
    summary: str  # a line, without a full stop
    details: str  # what else there is to say; often empty
    use: str
    cost: str
    paper: str  # empty where there is none
    settings: tuple[SettingInfo, ...]  # ``kind`` is none of them, nor a plugin's hash


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionInfo:
    """One section of a configuration: its methods, the default one first."""

    name: str
    summary: str
    methods: tuple[MethodInfo, ...]


def sections(of: type[Spec] = Config) -> tuple[SectionInfo, ...]:
    """Return every section of a configuration, or of another model of sections, in its order."""
    found = []
    for name, field in of.by_key().items():
        family = sorted(variants(name, of).items(), key=lambda member: not isinstance(field.default, member[1]))
        methods = tuple(_method(name, kind, model) for kind, model in family)
        found.append(SectionInfo(name=name, summary=str(field.description).removesuffix("."), methods=methods))
    return tuple(found)


@checked
def methods(name: str | None = None) -> tuple[MethodInfo, ...]:
    """Return the methods of a name, such as ``ldam``, or all of them.

    A name may be that of a family, or be shared by several: ``inverse_frequency`` weighs, and it samples. A setting
    that is a method by itself, such as the model's ``weights``, is found with the method that has it.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    known = [method for section in sections() for method in section.methods]
    if name is None:
        return tuple(known)
    found = tuple(method for method in known if name in (method.name, method.section))
    found = found or tuple(method for method in known if name in _own_methods(method))
    if not found:
        own = (setting for method in known for setting in _own_methods(method))
        names = dict.fromkeys([*(method.section for method in known), *(method.name for method in known), *own])
        raise UsageError(f"there is no method {name!r}", hint=suggest(name, names, "{raysat methods} lists all"))
    return found


def _own_methods(method: MethodInfo) -> Iterator[str]:
    """Names of the settings that are methods by themselves."""
    return (setting.name for setting in method.settings if setting.summary)


def _method(section: str, kind: str, model: type[Spec]) -> MethodInfo:
    summary, details, labels = read_docstring(model)
    schemas = model.model_json_schema(by_alias=True)["properties"]
    own = Model.methods if issubclass(model, Model) else {}
    settings = []
    for key, field in model.by_key().items():
        if key in ("kind", "plugin"):
            continue
        text, as_method = str(field.description), own[key]._asdict() if key in own else {}
        if as_method:
            text += f" Cost: {as_method['cost']} Paper: {as_method['paper']}"
        default, may_be = as_yaml(schemas[key]["default"]), range_text(schemas[key])
        settings.append(SettingInfo(name=key, default=default, range=may_be, description=text, **as_method))
    return MethodInfo(
        section=section,
        name=kind or section,
        summary=summary,
        details=details,
        use=labels.get("Use", ""),
        cost=labels.get("Cost", ""),
        paper=labels.get("Paper", ""),
        settings=tuple(settings),
    )


def read_docstring(model: type[Spec]) -> tuple[str, str, dict[str, str]]:
    """Split a model's docstring into its summary (no full stop), its details and its labelled paragraphs."""
    summary, *paragraphs = inspect.cleandoc(str(model.__doc__)).split("\n\n")
    labels: dict[str, str] = {}
    details = []
    for paragraph in paragraphs:
        before, *parts = _LABEL.split(paragraph)
        details += [before] if before else []
        labels |= {label: _flat(text) for label, text in zip(parts[::2], parts[1::2], strict=True)}
    return _flat(summary).removesuffix("."), _flat(" ".join(details)), labels


def _flat(text: str) -> str:
    return " ".join(text.split())


def as_yaml(value: Any) -> str:
    """How a file writes a value: ``true``, ``null``, ``0.001``, ``[6, 5, 2]``, ``agriculture``."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def range_text(schema: dict[str, Any]) -> str:
    """Say what a JSON Schema of one setting allows: ``> 0``, ``whole, 1 to 10``, ``linear, cosine``."""
    if "anyOf" in schema:
        return " or ".join(map(range_text, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(as_yaml, schema["enum"]))
    match schema.get("type"):
        case _ if "const" in schema:
            return as_yaml(schema["const"])
        case "boolean":
            return "true, false"
        case "integer" | "number":
            return _bounds(schema)
        case "array":
            of_names = "anyOf" in schema["items"]  # of bands or classes
            return "list of numbers and names" if of_names else f"list, each {range_text(schema['items'])}"
        case "string":
            return "text"
        case other:
            return str(other)


def _bounds(schema: dict[str, Any]) -> str:
    whole = schema["type"] == "integer"
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if whole and below is not None:
        high, below = below - 1, None
    if low is not None and high is not None:
        text = f"{_figure(low)} to {_figure(high)}"
    else:
        signs = ((">", above), (">=", low), ("<", below), ("<=", high))
        text = ", ".join(f"{sign} {_figure(bound)}" for sign, bound in signs if bound is not None)
    if "not" in schema:  # a strength: nothing between none and the least that acts
        least = _figure(schema["not"]["exclusiveMaximum"])
        text = f"0, or {least} to {_figure(high)}" if below is None else f"0, or >= {least}, < {_figure(below)}"
    return ", ".join(part for part in ("whole" if whole else "", text) if part)


def _figure(number: Any) -> str:
    return f"{int(number):,}" if number == int(number) and abs(number) < 1e10 else f"{number:g}"
