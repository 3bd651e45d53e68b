"""The benchmark of stores runs: through the real client, against its own server (``benchmarks/stores.py``)."""

import re
import subprocess
import sys

from tests.helpers.paths import ROOT


def test_it_measures_copies_and_batches() -> None:
    words = ["--megabytes", "5", "--repeats", "1", "--no-ray", "--latency", "0", "--rate", "0"]
    command = [sys.executable, str(ROOT / "benchmarks" / "stores.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert re.findall(r"^ +(\d+) at a time: \d+ +open: \d+$", done.stdout, re.MULTILINE) == ["1", "4", "8", "16"]
    assert re.search(r"by range: \d+ ms a batch of 32 random patches; \d+ MB/s in order", done.stdout)
