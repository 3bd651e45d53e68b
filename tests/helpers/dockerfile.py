"""A Dockerfile as far as raysat's goes: its stages, their steps, and what ``.dockerignore`` leaves to copy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: ``RUN``, and what stands behind it."""

    instruction: str
    text: str

    def settings(self, known: Mapping[str, str]) -> dict[str, str]:
        """What an ENV step sets, with values of before in place of their names."""
        pairs = (word.partition("=") for word in self.text.split())
        return {name: expanded(value, known) for name, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Stage:
    """What begins with a FROM."""

    base: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """Stages by name in order; the last is what ``docker build`` makes."""

    arguments: Mapping[str, str]  # before the first FROM, with their defaults
    stages: Mapping[str, Stage]

    @property
    def last(self) -> str:
        """The name of the stage that is built unless another is asked for."""
        return list(self.stages)[-1]

    def chain(self, name: str) -> tuple[str, list[Step]]:
        """The image that a stage begins with, and all steps from there on."""
        stage = self.stages[name]
        if stage.base not in self.stages:
            return expanded(stage.base, self.arguments), list(stage.steps)
        base, steps = self.chain(stage.base)
        return base, [*steps, *stage.steps]


def read_dockerfile(text: str) -> Dockerfile:
    """Read the text of a Dockerfile."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    arguments: dict[str, str] = {}
    stages: dict[str, tuple[str, list[Step]]] = {}
    for line in joined.splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name or str(len(stages))] = (base, [])
        elif stages:
            stages[list(stages)[-1]][1].append(Step(instruction, rest.strip()))
        else:
            name, _, value = rest.partition("=")
            arguments[name] = value
    return Dockerfile(arguments, {name: Stage(base, tuple(steps)) for name, (base, steps) in stages.items()})


def expanded(text: str, known: Mapping[str, str]) -> str:
    """Put values in place of ``$NAME`` and ``${NAME}``; what is not known is nothing."""
    return _VARIABLE.sub(lambda found: known.get(found[1] or found[2], ""), text)


def copied(names: Iterable[str], ignore: str) -> list[str]:
    """Of files by their paths those that ``COPY . .`` takes: the last line of ``.dockerignore`` that fits decides."""
    lines = [line.strip() for line in ignore.splitlines() if line.strip() and not line.startswith("#")]
    return [name for name in names if not _is_ignored(name, lines)]


def _is_ignored(name: str, lines: list[str]) -> bool:
    parts, ignored = name.split("/"), False
    paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]  # its folders, and itself
    for line in lines:
        pattern = line.removeprefix("!")
        ends = [path.rsplit("/", 1)[-1] for path in paths] if pattern.startswith("**/") else paths
        if any(_fits(end, pattern.removeprefix("**/")) for end in ends):
            ignored = not line.startswith("!")
    return ignored


def _fits(path: str, pattern: str) -> bool:
    """Docker's ``*`` stays within a folder's name."""
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)
