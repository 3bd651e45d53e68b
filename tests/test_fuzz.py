"""Several hundred broken files: each is read or refused by one clear error (``benchmarks/fuzz.py`` has the million)."""

import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

pytestmark = pytest.mark.slow


def test_every_broken_file_is_read_or_refused():
    command = [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--cases", "400", "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0].split() == ["reader", "cases", "read", "refused", "failures", "ms", "a", "case"]
