"""What is wrong in a cluster file, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
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


def error(file: ClusterFile, key: Key, what: str, remedy: str) -> Finding:
    """Make a finding of what fails, loses results or trains nothing.

    Args:
        file: where it was found.
        key: the place in it.
        what: is wrong.
        remedy: what to write.

    Returns:
        The finding.
    """
    return Finding(level="error", place=file.tree.location(key), what=what, remedy=remedy)


def risk(file: ClusterFile, key: Key, what: str, remedy: str) -> Finding:
    """Make a finding of what costs money, or lets others in.

    Args:
        file: where it was found.
        key: the place in it.
        what: is wrong.
        remedy: what to write.

    Returns:
        The finding.
    """
    return Finding(level="risk", place=file.tree.location(key), what=what, remedy=remedy)
