"""Prints the table of comparisons."""

from __future__ import annotations

from tests.references.table import lines

print("\n".join(lines()))
