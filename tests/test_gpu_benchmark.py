"""The benchmark of a GPU runs: on the CPU where there is none, with its smallest case (``benchmarks/gpu.py``)."""

import re
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

RATE = r"[\d,]+ \([\d,]+-[\d,]+, n=\d+\)"


def test_it_measures_trainings_beside_a_bare_step_and_packed_ones() -> None:
    words = ["--quick", "--only", "test_resnet 16", "resnet18 512", "packed"]  # a case for the CPU, and one for a GPU
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert re.search(rf"^\| \w+ \d+ \| {RATE} \| {RATE} \| {RATE} \| [\d.]+ \| [\d.]+ \|$", done.stdout, re.MULTILINE)
    assert re.findall(r"^(\d) processes at once, .*: [\d,]+ in all$", done.stdout, re.MULTILINE) == ["1", "2"]
