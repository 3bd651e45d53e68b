"""The benchmark of scale at its smallest: it measures every part, and writes its tables where they belong."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPT = BENCHMARKS / "scale.py"


@pytest.mark.slow
def test_the_smallest_measures_runs_plans_and_slots(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    words = [sys.executable, str(SCRIPT), "--smallest", "--keep", str(kept), "--folder", str(tmp_path / "work")]
    words += [word for part in ("runs", "plans", "slots") for word in ("--only", part)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    found = json.loads(kept.read_text(encoding="utf-8"))
    commands = (
        "status, first",
        "status",
        "plan, all done",
        "ledger verify",
        "ablate, nothing to do, first",
        "ablate, nothing to do",
        "report",
    )
    assert list(found["runs"]) == [f"{command}, 16 records" for command in commands]
    assert all(row["megabytes"] > 10 and row["lines"] for row in (*found["runs"].values(), *found["plans"].values()))
    assert found["slots"]["4 slots"]["jobs"] == 8  # 16 trials, of which pairs are one training
    assert "| status, 16 records |" in done.stdout


def test_tables_are_written_between_the_markers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    page = importlib.import_module("scaling.page")
    row = {"cpu": 1.25, "wall": 2.0, "megabytes": 1234.5, "lines": 1_500}
    tables = page.tables({"runs": {"status": row}}, {"runs": {"status": {**row, "cpu": 5.0}}})
    assert tables.splitlines()[-1] == "| status | 5 | 1.25 | 2 | 1,234 | 1,500 |"
    file = tmp_path / "scale.md"
    whole = (BENCHMARKS.parent / "docs" / "scale.md").read_text(encoding="utf-8")
    file.write_text(whole, encoding="utf-8")
    page.write(file, tables)
    page.write(file, tables)
    written = file.read_text(encoding="utf-8")
    assert written.count(tables) == 1
    head, tail = whole.partition("<!--")[0], whole.rpartition("-->")[2]
    assert written.startswith(head)
    assert written.endswith(tail)


def test_sizes_follow_from_slots_and_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 200 slots hear of 20 epochs a second, 50 µs each; of 100 MB, a save of 2 s and 98 s without one."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    sizing = importlib.import_module("scaling.sizing")
    printed = (
        "way  MB  saves   save s\ndirect    100.0      4    2.000     0.4\ndriver    100.0      4    9.000     0.4\n"
    )
    slots = {"200 slots": {"jobs": 9, "events": 1_000, "seconds": 0.05}}
    table = sizing.sizing({"slots": slots, "checkpoints": {"cost": {"printed": printed}}})
    assert table.splitlines()[2:] == ["| 200 | 50 | 1,200 | 0.10% | 200 |"]
