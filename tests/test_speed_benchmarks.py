"""The benchmarks of speed at their smallest: each measures all that it says, and prints its table."""

import re
import subprocess
import sys
from datetime import date
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
def test_the_loop_is_measured_beside_its_steps_and_written_with_machine_versions_and_date(tmp_path: Path) -> None:
    run("run.py", "--smallest", "--only", "loop.py", "--out", str(tmp_path / "RESULTS.md"))
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "torch 2." in page
    assert date.today().isoformat() in page
    assert "\n\n| " in page  # an empty line before a table
    found = rows(page)
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
    assert {"data import", "plan table1", "ablate, driver", "steps of each arm", "report, 4 arms"} <= set(found)
    assert "CPU" in found["data import"][-1]  # how it grows
    assert "million" in found["table2"][0]


@pytest.mark.slow
def test_start_up_is_measured_beside_an_import_of_click() -> None:
    found = rows(run("startup.py", "--smallest"))
    names = ("raysat --help", "raysat status RUN", "raysat plan --space quickstart")
    for name in names:
        seconds, promised, ratio = found[f"`{name}`"]
        assert float(seconds.split()[0]) > 0 < float(promised)
        assert float(ratio.split()[0]) > 1
        assert ratio.endswith("n=2")


@pytest.mark.slow
def test_maps_are_measured_beside_the_bare_model() -> None:
    found: dict[str, list[list[float]]] = {}
    for line in run("maps.py", "--quick").splitlines():
        numbers = [float(text.replace(",", "")) for text in re.findall(r"(?<![\w.])\d[\d,.]*", line[10:])]
        found.setdefault(line[:10].strip(), []).append(numbers)
    (mapped, pixels), (bare, _), (share,) = found["map"][0][:2], found["bare model"][0][:2], found["share"][0]
    assert pixels == pytest.approx(mapped * 64 * 64 / 1e6, abs=0.01)
    assert share == pytest.approx(mapped / bare, rel=0.1)  # of rounded numbers
    part, whole = found["memory"]
    assert [(part[1], part[4]), (whole[1], whole[4])] == [(128, 4), (512, 64)]  # windows of 64 x 64 pixels
    assert all(most >= before > 0 for most, _, _, before, *_ in (part, whole))


@pytest.mark.slow
def test_seeds_together_are_checked_and_measured_beside_processes() -> None:
    printed = run("seeds.py", "--quick", "--only", "processes", "vmap", "grouped")
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if "n=5" in line]
    assert [row[:2] for row in found] == [[way, count] for count in "12" for way in ("processes", "vmap", "grouped")]
    assert all(
        float(row[3].split()[0]) > 0 and float(row[4]) < 1e-3 for row in found
    )  # else the script ends with an error
    assert "Best in one process: " in printed


@pytest.mark.slow
def test_seeds_that_do_not_train_as_alone_or_cannot_be_fused_are_refused() -> None:
    script = """
import sys, timm
from gpu import Case
from seeding import checking, fusing, ways

def ended(action):
    try:
        action()
    except (SystemExit, ValueError) as error:
        print(error)

case = Case(model="test_resnet", batch=4)
check = lambda way: checking.check("grouped", way, case, (0, 1))
ended(lambda: print(check(ways.grouped)))
ended(lambda: check(lambda arm, seeds: ways.grouped(arm, seeds[::-1])))
ended(lambda: check(lambda arm, seeds: fusing.fuse([timm.create_model("seresnet18") for _ in seeds])))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=BENCHMARKS)
    same, other, unknown = done.stdout.splitlines()
    assert "do not train as they do alone" not in same
    assert max(map(float, same.strip("()").split(","))) < 1e-5
    assert "do not train as they do alone" in other
    assert "cannot fuse SEModule (layer1.0.se)" in unknown
