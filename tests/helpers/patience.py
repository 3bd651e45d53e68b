"""How long tests wait: what hangs is told from what a busy machine does slowly."""

from typing import Final

PATIENCE_S: Final = 600.0  # for work
SOON_S: Final = 40.0  # for what takes seconds on a free machine; benchmarks measure how many
