"""What is wrong in a cluster file, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from raysat.config.yaml_source import Key
from raysat.execution.cluster_file.reading import ClusterFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An ``error`` fails, loses results or trains nothing; a ``risk`` costs money, or lets others in."""

    level: Literal["error", "risk"]
    place: str  # file:line
    what: str
    remedy: str


def _found(level: Literal["error", "risk"], file: ClusterFile, key: Key, what: str, remedy: str) -> Finding:
    return Finding(level=level, place=file.tree.location(key), what=what, remedy=remedy)


# Of a file and a key in it: what is wrong there, and what to write.
error = partial(_found, "error")
risk = partial(_found, "risk")
