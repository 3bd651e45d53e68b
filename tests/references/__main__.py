"""Prints the table of comparisons."""

from __future__ import annotations

import sys

from tests.references.table import lines

sys.stdout.write("\n".join(lines()) + "\n")
