"""The benchmark of hosts at its smallest; ``python benchmarks/hosts.py`` has the ratio worth quoting."""

import re
import subprocess
import sys

from tests.helpers.paths import ROOT


def test_trials_on_three_hosts_take_about_as_long_as_on_one() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "hosts.py"), "--trials", "4", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # noqa: T201
    ratio = re.search(r"ratio (\d+\.\d+)", done.stdout)
    assert ratio
    assert float(ratio[1]) < 3, "a busy machine is no fault of the code, but that much is"
