"""The parameters of a search: what may vary, over which values (``distribution.py``), and under which condition.

A parameter of a key that only some kinds of its section have is conditional: it is suggested where the suggested kind
has the key. One that no kind has is refused, as is whatever would silently do nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

from raysat.config.merge import override
from raysat.config.schema import Config, variants
from raysat.config.yaml_source import YamlValue
from raysat.errors import suggest
from raysat.study.distribution import DISTRIBUTIONS, ParamValue, read_distribution
from raysat.study.parameter import Parameter


def read_parameters(search: YamlValue, base: YamlValue, settings: YamlValue) -> tuple[Parameter, ...]:
    """Return the parameters with the conditions under which they apply; those that select kinds come first.

    Args:
        search: the ``search`` mapping, its dotted keys written out.
        base: the base configuration with the settings over it.
        settings: what the command line sets in every candidate; a parameter that it sets is left out.

    Raises:
        StudyError: a parameter that is malformed, unknown, set twice, or can never apply.
    """
    parameters = [
        Parameter(path=path, distribution=read_distribution(tree, path), tree=tree) for path, tree in _entries(search)
    ]
    for first, second in itertools.combinations([p for p in parameters if p.selects_kind], 2):
        if first.section == second.section:
            raise second.tree.error(f"{second.name} varies the same as {first.name}", hint="leave it to one of them")
    parameters = [parameter for parameter in parameters if not _is_set(parameter, settings)]
    selectors = {parameter.section: parameter for parameter in parameters if parameter.selects_kind}
    keys = [parameter for parameter in parameters if not parameter.selects_kind]
    return (*selectors.values(), *(_conditional(key, selectors.get(key.section), base, settings) for key in keys))


def _entries(search: YamlValue) -> Iterator[tuple[tuple[str, ...], YamlValue]]:
    """Yield path and distribution of each parameter; a section can have one of its own and others for its keys."""
    for section, content in search.value.items():
        tree = search.child(section)
        if section not in Config.model_fields:
            raise tree.error(f"unknown key {section!r}", hint=suggest(section, Config.model_fields))
        keys = [key for key in content if key not in DISTRIBUTIONS] if isinstance(content, dict) else []
        if not keys:
            yield (section,), tree
            continue
        if whole := {key: value for key, value in content.items() if key in DISTRIBUTIONS}:
            locations = {path: place for path, place in tree.locations.items() if set(path[:1]) <= set(whole)}
            yield (section,), YamlValue(whole, locations, tree.location())
        yield from (((section, key), tree.child(key)) for key in keys)


def _is_set(parameter: Parameter, settings: YamlValue) -> bool:
    """Whether the command line sets all that a parameter would vary."""
    fixed = settings.value.get(parameter.section, {})
    if not isinstance(fixed, dict):
        return False
    if not parameter.selects_kind:
        return parameter.path[1] in fixed
    return "kind" in fixed or all(set(choice) <= set(fixed) for choice in parameter.choices())


def _conditional(parameter: Parameter, selector: Parameter | None, base: YamlValue, settings: YamlValue) -> Parameter:
    """Add its condition: the choices of its section's selector under which the section has its key."""
    section, key = parameter.path
    overrides = [selector.setting(n) for n in selector.distribution.boundary()] if selector else [YamlValue({})]
    trees = [override(override(base, over), settings).value for over in overrides]
    kinds = [str(tree.get(section, {}).get("kind", "")) for tree in trees]
    family = variants(section)
    having = [n for n, kind in enumerate(kinds) if kind not in family or key in family[kind].model_fields]
    if not having:
        raise _never_applies(parameter, kinds)
    if selector and any(key in choice for choice in selector.choices()):
        message = f"{parameter.name} is searched, and a choice of {selector.name} sets it too"
        raise parameter.tree.error(message, hint="leave it to one of them")
    return replace(parameter, condition=None if len(having) == len(kinds) else frozenset(having))


def _never_applies(parameter: Parameter, kinds: list[str]) -> Exception:
    """The error of a parameter whose key no kind of its section has, of those that a candidate can have."""
    section, key = parameter.path
    family = variants(section)
    if elsewhere := [kind for kind, member in family.items() if key in member.model_fields]:
        seen = " or ".join(dict.fromkeys(kind or "of no kind" for kind in kinds))
        having = ", ".join(kind or f"{section} without a kind" for kind in elsewhere)
        hint = f"{having} has it: choose it in base or in the search, or leave the parameter out"
        message = f"{parameter.name} never applies: {section} is {seen} here, which has no {key}"
        return parameter.tree.error(message, hint=hint)
    known = sorted({name for member in family.values() for name in member.model_fields})
    return parameter.tree.error(f"unknown key {parameter.name!r}", hint=suggest(key, known))


def boundary_points(parameters: tuple[Parameter, ...]) -> Iterator[dict[str, ParamValue]]:
    """Yield the params of every boundary point: both ends of a range, every choice.

    They are made section by section: sections are validated apart, so these are all there are.
    """
    for selected, others in _by_kind(parameters):
        yield from (selected | point for point in _product(others))


def count_boundary_points(parameters: tuple[Parameter, ...]) -> int:
    """Count them without making any."""
    return sum(math.prod(len(p.distribution.boundary()) for p in others) for _, others in _by_kind(parameters))


def _by_kind(parameters: tuple[Parameter, ...]) -> Iterator[tuple[dict[str, ParamValue], list[Parameter]]]:
    """Yield the params that select a section's kind, and which other parameters of the section apply then."""
    for section in dict.fromkeys(parameter.section for parameter in parameters):
        inside = [parameter for parameter in parameters if parameter.section == section]
        for selected in _product([parameter for parameter in inside if parameter.selects_kind]):
            yield selected, [p for p in inside if not p.selects_kind and p.applies(selected, parameters)]


def _product(parameters: list[Parameter]) -> Iterator[dict[str, ParamValue]]:
    names = [parameter.name for parameter in parameters]
    for values in itertools.product(*(parameter.distribution.boundary() for parameter in parameters)):
        yield dict(zip(names, values, strict=True))
