"""Prints each comparison with its largest difference: python -m tests.references."""

from __future__ import annotations

import importlib
import pkgutil

import tests.references as package
from tests.references.registry import COMPARISONS, Comparison

_NO_COMPARISONS = ("registry", "table", "__main__")


def comparisons() -> list[Comparison]:
    """Return all comparisons, by member."""
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in _NO_COMPARISONS and not module.name.startswith("test_"):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return sorted(COMPARISONS, key=lambda each: each.member)


def lines() -> list[str]:
    """Return the table, a line a comparison."""
    rows = [(each.member, each.reference, f"{each.largest_difference():.1e}") for each in comparisons()]
    rows.insert(0, ("member", "reference", "largest difference"))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{member:<{first}}  {reference:<{second}}  {difference}" for member, reference, difference in rows]
