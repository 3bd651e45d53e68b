"""How raysat grows: runs of 1,000 and 10,000 records, plans of up to 28,800 trials, drivers of up to 1,000 slots.

    python benchmarks/scale.py                      # everything, about half an hour on two cores
    python benchmarks/scale.py --only plans         # a part of it: runs, plans, slots, checkpoints; may be repeated
    python benchmarks/scale.py --records 100000     # a run of so many records, without its report
    python benchmarks/scale.py --write              # everything, and the tables of docs/scale.md and cluster.md anew
    python benchmarks/scale.py --smallest           # all parts at a size that takes a minute, for the test

Each command runs in a fresh process: seconds of user and system, wall time, peak memory and printed lines, n = 1.
Beside them stands what the same script measured before (``scaling/before.json``, which names its commit); times of a
machine that others use are to be trusted as ratios above 1.5 only. ``--keep FILE`` writes what was measured as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE))

from scaling import commands, page, sizing  # noqa: E402  (beside this script)

PARTS: Final = ("runs", "plans", "slots", "checkpoints")
RUNS: Final = ((100, 10), (1_000, 10))  # arms and seeds
PLANS: Final = ((96, 3), (288, 10), (2_880, 10))
SLOTS: Final = ((100, 480), (500, 2_400), (1_000, 4_800))  # and trials
SMALLEST: Final = {"runs": ((8, 2),), "plans": ((8, 2),), "slots": ((4, 16),)}
_SEEDS: Final = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--records", type=int, help="one run of so many records alone")
    parser.add_argument("--smallest", action="store_true")
    parser.add_argument("--folder", type=Path, help="work here, and leave what was made")
    parser.add_argument("--keep", type=Path, help="write what was measured here, as JSON")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    sizes = {"runs": RUNS, "plans": PLANS, "slots": SLOTS} | (SMALLEST if given.smallest else {})
    parts = ["runs"] if given.records else given.only or PARTS
    if given.records:
        sizes["runs"] = ((given.records // _SEEDS, _SEEDS),)
    with tempfile.TemporaryDirectory(prefix="raysat-scale-") as work:
        folder = given.folder or Path(work)
        folder.mkdir(parents=True, exist_ok=True)
        found: page.Measured = {}
        for part in parts:
            for name, values in measure(part, folder, sizes.get(part, ()), report=not given.records):
                found.setdefault(part, {})[name] = values
                print(f"{part}: {name}: {page.in_words(values)}", flush=True)
    before = page.read_before(HERE / "scaling" / "before.json")
    print("\n" + page.tables(found, before))
    if given.keep:
        given.keep.write_text(json.dumps({"commit": commit(), **found}, indent=1) + "\n", encoding="utf-8")
    if given.write:
        page.write(HERE.parent / "docs" / "scale.md", page.tables(found, before))
        page.write(HERE.parent / "docs" / "cluster.md", sizing.sizing(found))


def measure(
    part: str, folder: Path, sizes: Sequence[tuple[int, int]], *, report: bool
) -> Iterator[tuple[str, page.Values]]:
    """Measure a part.

    Args:
        part: its name.
        folder: where to work.
        sizes: arms and seeds, or slots and trials.
        report: report the runs too.

    Yields:
        Name and values of a row of its table.
    """
    for first, second in sizes:
        match part:
            case "runs":
                for command, taken in commands.of_run(folder, first, second, report=report):
                    yield f"{command}, {first * second:,} records", asdict(taken)
            case "plans":
                yield f"plan of {first * second:,} trials", asdict(commands.of_plan(folder, first, second))
            case "slots":
                yield f"{first:,} slots", commands.of_driver(folder, slots=first, trials=second)
    if part == "checkpoints":
        yield "cost", {"printed": commands.benchmark("checkpoints.py")}


def commit() -> str:
    """The commit that was measured."""
    words = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    main()
