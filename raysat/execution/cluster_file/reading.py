"""Reads the file that ``ray up`` takes, with the line of each setting; ray is not imported."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from raysat.config import limits
from raysat.config.yaml_source import Key, YamlValue, parse_yaml
from raysat.errors import StudyError, UsageError, did_you_mean
from raysat.execution.cluster_file.alternatives import ALTERNATIVES, PRICE, choices, is_spot
from raysat.files import AnyPath, read_text
from raysat.formatting import echo

_OWN: Final = "raysat.execution.aws_nodes.AwsNodes"  # a provider of raysat's own
_TYPES: Final = "available_node_types"
_MOST_USD: Final = 1e5
_STARTS_RAY: Final = re.compile(r"\bray start\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A machine that a node type may be."""

    instance: str  # as the cloud calls it
    is_spot: bool
    usd_per_hour: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """Machines of one kind."""

    name: str
    resources: dict[str, float]  # that it offers to Ray; those that Ray is to find out are not in it
    most: int  # workers of this kind at a time
    is_head: bool
    choices: tuple[Choice, ...]  # the first that there is one of

    @property
    def key(self) -> Key:
        """Where it stands in the file."""
        return (_TYPES, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFile:
    """A file for ``ray up`` that Ray's own schema holds for valid."""

    tree: YamlValue
    node_types: tuple[NodeType, ...]  # none where the provider has fixed machines

    @property
    def provider(self) -> str:
        """``aws``, ``local``, or another."""
        given = self.tree.value["provider"]
        return "aws" if given.get("module") == _OWN else str(given["type"])

    @property
    def has_alternatives(self) -> bool:
        """Whether the provider looks at the alternatives of node types."""
        return bool(self.get(("provider", "module")) == _OWN)

    @property
    def workers(self) -> tuple[NodeType, ...]:
        """Node types that machines are started of for work."""
        return tuple(kind for kind in self.node_types if kind.most)

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the value under a key."""
        value: Any = self.tree.value
        for part in key:
            if not isinstance(value, dict) or part not in value:
                return default
            value = value[part]
        return value

    def texts(self) -> Iterator[tuple[Key, str]]:
        """Every text of the file, and where it stands."""
        yield from _texts((), self.tree.value)

    def variable(self, name: str) -> tuple[Key, str] | None:
        """Where the file sets an environment variable for raysat, and to what."""
        for key, text in self.texts():
            for word in _words(text):
                if word.startswith(f"{name}="):
                    return key, word.removeprefix(f"{name}=")
        return None


def read_cluster_file(path: AnyPath) -> ClusterFile:
    """Read a file for ``ray up``.

    Raises:
        UsageError: there is no such file, it is no YAML, or Ray would not take it; with its line.
    """
    text = read_text(path, max_bytes=limits.FILE, remedy="give the file that `ray up` takes", error=UsageError)
    tree = parse_yaml(text, str(path))
    if not isinstance(tree.value, dict):
        raise StudyError(f"{tree.location()}: no cluster file", hint="see cluster.yaml of raysat")
    for mistake in sorted(_validator().iter_errors(tree.value), key=lambda mistake: list(map(str, mistake.path))):
        raise _explained(tree, mistake)
    if not isinstance(tree.value.get("provider"), dict):
        raise tree.error("'provider' is missing", hint="such as provider: {type: aws, region: us-west-2}")
    return ClusterFile(tree=tree, node_types=tuple(_node_types(tree)))


def starts_of_ray(file: ClusterFile, part: Literal["head", "worker"]) -> Iterator[tuple[Key, str]]:
    """The commands of a file that start Ray on its head, or on workers, and where they stand."""
    name = f"{part}_start_ray_commands"
    for number, command in enumerate(file.get((name,), [])):
        if _STARTS_RAY.search(command):
            yield (name, number), command


def ray_version() -> str:
    """The version of Ray that is installed here."""
    return version("ray")


def _validator() -> Draft7Validator:
    spec = find_spec("ray")
    if spec is None or spec.origin is None:  # a declared dependency
        raise UsageError("Ray is not installed", hint="pip install ray")
    schema = Path(spec.origin).parent / "autoscaler" / "ray-schema.json"
    return Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))


def _explained(tree: YamlValue, mistake: ValidationError) -> UsageError:
    key: Key = tuple(mistake.absolute_path)
    name = ".".join(map(str, key))
    if mistake.validator == "additionalProperties" and isinstance(mistake.instance, dict):
        known = list(mistake.schema.get("properties", {}))
        unknown = [each for each in mistake.instance if each not in known]
        if unknown:
            where = f" in {name}" if name else ""
            return tree.error(
                f"Ray knows no {echo(unknown[0])}{where}", *key, unknown[0], hint=did_you_mean(unknown[0], known)
            )
    return tree.error(f"{name or 'the file'}: {mistake.message}", *key, hint="see cluster.yaml of raysat")


def _node_types(tree: YamlValue) -> Iterator[NodeType]:
    kinds, head = tree.value.get(_TYPES) or {}, tree.value.get("head_node_type")
    if kinds and head not in kinds:
        raise tree.error(
            f"head_node_type {echo(head)} is none of {_TYPES}",
            "head_node_type",
            hint=did_you_mean(head, kinds) or f"known: {', '.join(kinds)}",
        )
    for name, kind in kinds.items():
        node, most = kind.get("node_config") or {}, kind.get("max_workers", 0 if name == head else None)
        yield NodeType(
            name=str(name),
            resources={key: float(value) for key, value in (kind.get("resources") or {}).items()},
            most=int(tree.value.get("max_workers", 2) if most is None else most),
            is_head=name == head,
            choices=tuple(_choices(tree, str(name), kind, node if isinstance(node, dict) else {})),
        )


def _choices(tree: YamlValue, name: str, kind: dict[str, Any], node: dict[str, Any]) -> Iterator[Choice]:
    changes = node.get(ALTERNATIVES)
    if changes is not None and not (
        isinstance(changes, list) and changes and all(isinstance(change, dict) for change in changes)
    ):
        raise tree.error(
            f"{name}: {ALTERNATIVES} must be a list of mappings", *(_TYPES, name, "node_config", ALTERNATIVES)
        )
    for number, choice in enumerate(choices(node)):
        place: Key = (_TYPES, name, "node_config", ALTERNATIVES, number, PRICE)
        price, label = choice.get(PRICE), (kind.get("labels") or {}).get(PRICE)
        if price is None:
            price, place = label, (_TYPES, name, "labels", PRICE)
        yield Choice(
            instance=str(choice.get("InstanceType", "")),
            is_spot=is_spot(choice),
            usd_per_hour=_price(tree, place, price),
        )


def _price(tree: YamlValue, place: Key, given: Any) -> float | None:
    if given is None:
        return None
    try:
        price = float(given)
    except (TypeError, ValueError):
        price = -1.0
    if not 0 <= price < _MOST_USD:
        raise tree.error(f"{PRICE} {echo(given)} is no price", *place, hint="such as 0.98")
    return price


def _texts(key: Key, value: Any) -> Iterator[tuple[Key, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for part, inner in items:
            yield from _texts((*key, part), inner)


def _words(text: str) -> Iterator[str]:
    """The words of a command, and of what is quoted in it, as in ``echo 'export NAME=value' >> ~/.bashrc``."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)  # "a;" is a word and a sign
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:  # an open quote
        words = text.split()
    for word in words:
        yield word
        if word != text and any(map(str.isspace, word)):
            yield from _words(word)
