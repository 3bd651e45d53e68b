"""What checkpoints cost, at its smallest (``benchmarks/checkpoints.py`` has trainings of 134 MB)."""

import subprocess
import sys
from pathlib import Path

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S


def test_it_measures_both_ways_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "checkpoints.py"), "--model", "test_resnet", "--pairs", "1"]
    command += ["--seconds", "3", "--trainings", "2", "--checkpoint-every", "1s", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["way", "direct", "direct:", "way", "driver", "driver:"]
    for row in (rows[1], rows[4]):
        assert float(row[1]) > 1, "MB"
        assert int(row[2]) >= 2, "two trainings save once or twice each, in the first two of three seconds"
        assert float(row[3]) > 0
    assert list(tmp_path.iterdir()) == []
