"""From a study file to ordered arms.

    study      its name, which names the folder of its run (the file's name where absent)
    base       the configuration that every arm starts from
    arms       named rows, each an override of base, nested or with dotted keys
    grid       axes, each a key with a list of values: one arm per combination
    zip        groups of axes that move together, each group one more axis of the grid
    exclude    combinations of the grid to leave out
    seeds      the seeds that every arm runs: a list, or a number n for 0 .. n-1
    reference  published rows to show beside ours

An override merges into base key by key. Another ``kind`` of a family keeps the keys that it has too: SGD in place of
Adam keeps the number of epochs, a constant schedule keeps nothing of a triangular one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from raysat.errors import LedgerError, StudyError, UsageError, did_you_mean
from raysat.ledger import safe_name
from raysat.located import Located, parse_yaml, read_yaml
from raysat.spec import Config, members
from raysat.validation import validate_config

_KEYS: Final = ("study", "base", "seeds", "arms", "grid", "zip", "exclude", "reference")
_DEFAULTS: Final = Located(Config().model_dump(mode="json"))
# A section that leaves ``kind`` out means the default member of its family.
_KINDS: Final = Located(
    {name: {"kind": section["kind"]} for name, section in _DEFAULTS.value.items() if "kind" in section}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One configuration, to be run with every seed."""

    name: str
    config: Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study: its arms in order, its seeds, its text as given."""

    name: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    reference: str | None
    text: str


def load_study(
    path: Path, *, overrides: Sequence[str] = (), epochs: int | None = None, seeds: int | None = None
) -> Study:
    """Read a study file.

    Args:
        path: the YAML file.
        overrides: ``key=value`` settings that win over base and arms alike.
        epochs: epochs of every arm; points in training are fractions, so they follow.
        seeds: run the first so many of the study's seeds.

    Raises:
        StudyError: anything wrong in the file or in a setting; the message begins with its place.
        UsageError: more seeds asked for than the study has.
    """
    document, text = read_yaml(path)
    if not isinstance(document.value, dict):
        raise document.error("a study is a mapping of keys", hint=f"its keys are {', '.join(_KEYS)}")
    for key in document.value:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"known: {', '.join(_KEYS)}"
            raise document.error(f"unknown key {key!r}", key, hint=hint)
    settings = _settings(overrides, epochs)
    arms: dict[str, Arm] = {}
    for name, tree in [*_named(document), *_grid(document)] or [("base", _base(document))]:
        if name in arms:
            raise tree.error(f"two arms are called {name!r}", hint="give each arm a name and a value of its own")
        arms[name] = Arm(name=name, config=validate_config(_override(tree, settings), arm=name))
    return Study(
        name=_name(document, path),
        arms=tuple(arms.values()),
        seeds=_seeds(document, path, seeds),
        reference=_text(document, "reference"),
        text=text,
    )


def _base(document: Located) -> Located:
    return _override(_KINDS, _mapping(document, "base").expand())


def _override(base: Located, over: Located) -> Located:
    """Merge ``over`` into ``base``; where it names another kind, drop the keys that this kind does not have."""
    kept = dict(base.value)
    for section, new in over.value.items():
        old = kept.get(section)
        if (
            not isinstance(old, dict)
            or not isinstance(new, dict)
            or new.get("kind", old.get("kind")) == old.get("kind")
        ):
            continue
        member = members(section).get(str(new["kind"])) if section in Config.model_fields else None
        kept[section] = {key: value for key, value in old.items() if member and key in member.model_fields}
    return Located(kept, base.places, base.origin).merge(over)


def _named(document: Located) -> Iterator[tuple[str, Located]]:
    """Yield name and merged configuration of each named arm, in the file's order."""
    base, arms = _base(document), _mapping(document, "arms")
    for name in arms.value:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise arms.error(f"arm {name!r} must be named by text", name, hint='quote it: "(1)":')
        yield name, _override(base, _mapping(arms, name).expand())


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of an axis: how it reads in an arm's name, and what it sets."""

    label: str
    tree: Located


def _grid(document: Located) -> Iterator[tuple[str, Located]]:
    """Yield name and merged configuration of each combination of the axes that is not excluded."""
    base, axes = _base(document), _axes(document)
    excluded = [rule.expand() for rule in _items(document, "exclude")]
    if excluded and not axes:
        raise document.error("exclude needs a grid", "exclude", hint="leave out a named arm by deleting it")
    for rule in excluded:
        for section in rule.value:
            if section not in _DEFAULTS.value:  # it would silently exclude nothing
                raise rule.error(f"unknown key {section!r}", section, hint=did_you_mean(section, _DEFAULTS.value))
    kept = 0
    for choice in itertools.product(*axes) if axes else ():
        tree = base
        for value in choice:
            tree = _override(tree, value.tree)
        effective = _override(_DEFAULTS, tree).value
        if not any(_matches(effective, rule.value) for rule in excluded):
            kept += 1
            yield ", ".join(value.label for value in choice), tree
    if axes and not kept:
        raise document.error("exclude leaves no arm of the grid", "exclude")


def _axes(document: Located) -> list[list[_Value]]:
    grid = _mapping(document, "grid")
    axes = [_axis(grid, path) for path in grid.value]
    for group in _items(document, "zip"):
        together = {path: _axis(group, path) for path in group.value}
        lengths = {path: len(axis) for path, axis in together.items()}
        if len(set(lengths.values())) > 1:
            raise group.error(f"axes that move together need as many values each, got {lengths}", *list(lengths)[:1])
        axes.append([_joined(values) for values in zip(*together.values(), strict=True)])
    return axes


def _axis(axes: Located, path: str) -> list[_Value]:
    values = axes.value[path]
    if not isinstance(values, list) or not values:
        raise axes.error(f"axis {path!r} needs a list of values", path)
    short = str(path).rsplit(".", 1)[-1]
    parts = [axes.at(path, position) for position in range(len(values))]
    return [_Value(f"{short}={_label(part.value)}", part.under(path).expand()) for part in parts]


def _joined(values: Sequence[_Value]) -> _Value:
    tree = Located({})
    for value in values:
        tree = tree.merge(value.tree)
    return _Value(", ".join(value.label for value in values), tree)


def _label(value: Any) -> str:
    """How a value reads in an arm's name: ``ldam``, ``triangular(max_lr=0.001)``, ``B6-B5-B2``."""
    if isinstance(value, dict):
        rest = ", ".join(f"{key}={_label(item)}" for key, item in value.items() if key != "kind")
        kind = str(value.get("kind", ""))
        return f"{kind}({rest})" if rest else kind
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _matches(tree: Any, rule: Any) -> bool:
    if isinstance(tree, dict) and isinstance(rule, dict):
        return all(key in tree and _matches(tree[key], value) for key, value in rule.items())
    return bool(tree == rule)


def _settings(overrides: Sequence[str], epochs: int | None) -> Located:
    """Turn ``--set key=value`` and ``--epochs`` into one tree whose places name the option."""
    tree = Located({})
    for override in overrides:
        key, equals, text = (part.strip() for part in override.partition("="))
        if not equals or not key:
            raise UsageError(f"--set {override}: write it as key=value", hint="such as --set model.name=resnet50")
        try:
            value = parse_yaml(text, "value").value
        except StudyError:
            raise UsageError(
                f"--set {override}: the value is not valid YAML", hint="quote special characters"
            ) from None
        tree = tree.merge(Located(value, {}, f"--set {key}").under(*key.split(".")))
    return tree if epochs is None else tree.merge(Located(epochs, {}, "--epochs").under("optim", "epochs"))


def _mapping(document: Located, key: str) -> Located:
    """The mapping under a key; empty where the key is absent or empty."""
    value = document.value.get(key)
    if value is None:
        return Located({}, {}, document.place((key,)))
    if not isinstance(value, dict):
        raise document.error(f"{key!r} must be a mapping, got {value!r}", key)
    return document.at(key)


def _items(document: Located, key: str) -> list[Located]:
    """The list of mappings under a key; empty where the key is absent."""
    values = document.value.get(key) or []
    if not isinstance(values, list) or not all(isinstance(item, dict) and item for item in values):
        raise document.error(f"{key!r} must be a list of mappings", key)
    return [document.at(key, position) for position in range(len(values))]


def _text(document: Located, key: str) -> str | None:
    value = document.value.get(key)
    if value is not None and not isinstance(value, str):
        raise document.error(f"{key!r} must be text, got {value!r}", key)
    return value


def _name(document: Located, path: Path) -> str:
    try:
        return safe_name(_text(document, "study") or path.stem, "study")
    except LedgerError as error:
        raise document.error(error.message, "study", hint=error.hint) from None


def _seeds(document: Located, path: Path, first: int | None) -> tuple[int, ...]:
    value = document.value.get("seeds", [0])
    if type(value) is int and value >= 1:
        value = list(range(value))
    whole = isinstance(value, list) and all(type(seed) is int and 0 <= seed < 2**32 for seed in value)
    if not whole or not value or len(set(value)) != len(value):
        raise document.error(f"seeds must be different whole numbers from 0 on, got {value!r}", "seeds")
    if first is not None and not 1 <= first <= len(value):
        raise UsageError(f"--seeds {first}: the study has {len(value)}", hint=f"list more seeds in {path}")
    return tuple(value[:first])
