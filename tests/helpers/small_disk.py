"""A command where a small disk is mounted: in a mount namespace, as an ordinary user may make one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.helpers.patience import PATIENCE_S

_SCRIPT: Final = 'mount -t tmpfs -o "$1" tmpfs "$2" && cd "$2" && exec "$3" -P -c "$4"'


def on_small_disk(folder: Path, size: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that is a disk of its own; skips the test where nobody may mount one.

    Args:
        folder: where it is mounted; temporary files go there.
        size: options of the tmpfs, as ``size=2m``.
        code: what Python runs.

    Returns:
        The process, whatever it ended with.
    """
    words = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", _SCRIPT, "x"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_TMPDIR"}
    done = subprocess.run(
        [*words, size, str(folder), sys.executable, code],
        env=environment | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine lets nobody mount a disk of his own")
    return done
