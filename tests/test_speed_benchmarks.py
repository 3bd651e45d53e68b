"""The benchmarks of speed at their smallest: each measures all that it says, and prints its table."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(script: str, *words: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


def rows(printed: str) -> dict[str, list[str]]:
    """Cells of every table's rows, by the first."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line[:1] == "|"]
    return {first: others for first, *others in cells}


@pytest.mark.slow
def test_the_loop_is_measured_beside_its_steps_and_augmix_beside_others() -> None:
    found = rows(run("loop.py", "--smallest"))
    assert {"none", "dihedral", "mixup", "augmix"} <= set(found)
    assert "n=3" in found["none"][2]
    assert {"raysat, 3 bands", "torchvision v2, 3 bands", "Pillow, band by band, 11 bands"} <= set(found)


@pytest.mark.slow
@pytest.mark.ray
def test_peers_train_the_same_study() -> None:
    printed = run("peers.py", "--smallest", "--only", "authors")
    assert "the authors' way: first epoch's loss within" in printed  # else the script ends with an error
    found = rows(printed)
    assert found["raysat"][3] == "1.00"
    assert float(found["the authors' way"][0]) > 0
    assert "AugMix alone, one trial: raysat" in printed


@pytest.mark.slow
@pytest.mark.ray
def test_full_size_is_measured_at_two_sizes() -> None:
    printed = run("full_size.py", "--smallest")
    found = rows(printed)
    assert {"data import", "plan table1", "ablate, driver", "steps of each arm", "report, 16 arms"} <= set(found)
    assert "CPU" in found["data import"][-1]  # how it grows
    assert "million" in found["table2"][0]


@pytest.mark.slow
def test_results_are_written_with_machine_versions_and_date(tmp_path: Path) -> None:
    run("run.py", "--smallest", "--only", "gpu.py", "--out", str(tmp_path / "RESULTS.md"))
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "torch 2." in page
    assert "## Steps on a GPU" in page
    assert "\n\n| case |" in page  # an empty line before a table
