"""The benchmark of hosts at its smallest; ``python benchmarks/hosts.py`` has the ratio worth quoting."""

import re
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

pytestmark = pytest.mark.slow


def test_trials_on_three_hosts_are_timed_beside_one() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "hosts.py"), "--trials", "2", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    ratio = re.search(r"ratio (\d+\.\d+)", done.stdout)
    assert ratio, done.stdout
    assert float(ratio[1]) > 0
