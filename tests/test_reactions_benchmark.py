"""How soon a run ends or goes on, at its smallest: one case, once."""

import subprocess
import sys

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S


def test_it_measures_a_case() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "reactions.py"), "--times", "1", "--only", "own raylet killed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert "Traceback" not in done.stderr, done.stderr
    heading, row = done.stdout.splitlines()
    assert heading.startswith("what happens")
    seconds, n, allowed = (row.split()[index] for index in (4, 8, 9))
    assert 0 < float(seconds) < 60
    assert (n, allowed) == ("1", "10")
    assert row.endswith("3, error: Ray on this machine ended: its raylet is gone")
