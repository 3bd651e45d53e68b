"""How long a test waits for a process: a process that hangs is told from one on a busy machine."""

from typing import Final

PATIENCE_S: Final = 600.0
