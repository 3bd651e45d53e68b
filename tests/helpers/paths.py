"""Where the project lies."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SPACES = ROOT / "search_spaces"
