"""What the contract tests found of a method; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one test found."""

    check: str  # what it tries
    fault: str = ""  # empty where that holds


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedMethod:
    """A method, and what was found of it."""

    section: str
    kind: str
    findings: tuple[Finding, ...]


class BrokenError(Exception):
    """A test of the contract that does not hold; the message says what was found."""
