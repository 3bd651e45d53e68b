"""Faults by plan: runs under schedules drawn from numbers; each must come to what the undisturbed run comes to.

    python benchmarks/faults.py --schedules 200 [--first 0] [--out faults.json]
    python benchmarks/faults.py --number 17                 # one schedule again, with what its command printed

A schedule kills processes, fills disks, cuts networks and so on at given moments of a small study
(``faulting/schedule.py``). The command is started again until it ends by itself. Then leaderboard, metrics, learning
curves (their seconds excepted), predictions and weights must equal the undisturbed run's, no finished trial may have
been trained again, and the images trained in all may exceed those needed by no more than what the faults could lose:
for each worker that they end, the epoch in training and the one that is being saved; a generator is trained anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.faulting.run import Result
from benchmarks.faulting.schedule import draw
from benchmarks.faulting.world import World


def main() -> int:
    """Run the schedules and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--number", type=int, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--list", action="store_true", help="print the schedules alone")
    options = parser.parse_args()
    numbers = options.number or range(options.first, options.first + options.schedules)
    if options.list:
        for number in numbers:
            print(draw(number))
        return 0
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what was started ends
    folder = Path(tempfile.mkdtemp(prefix="raysat-faults-"))
    try:
        with World(folder) as world:
            results = _run(world, numbers, options.out, began=time.monotonic())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print_table(results)
    return int(any(result.problems for result in results))


def _run(world: World, numbers: Sequence[int], out: Path | None, *, began: float) -> list[Result]:
    results: list[Result] = []
    for number in numbers:
        results.append(world.run(number))
        print(results[-1], flush=True)
        if out:
            out.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
        if results[-1].problems:
            print(results[-1].printed)
        equal = sum(not result.problems for result in results)
        print(f"    {equal} of {len(results)} equal, {time.monotonic() - began:,.0f} s", flush=True)
    return results


def _print_table(results: Sequence[Result]) -> None:
    """Print counts by fault, and in all."""
    struck = Counter(f"{fault.kind} {fault.target}" for result in results for fault in result.struck)
    drawn = Counter(f"{fault.kind} {fault.target}" for result in results for fault in result.schedule.faults)
    print(f"{'fault':<28}{'drawn':>8}{'struck':>8}")
    for name, count in sorted(drawn.items()):
        print(f"{name:<28}{count:>8}{struck[name]:>8}")
    trained, needed = (sum(getattr(result, name) for result in results) for name in ("trained", "needed"))
    equal = sum(not result.problems for result in results)
    print(f"{equal} of {len(results)} schedules equal the undisturbed run")
    print(f"{trained:,} images trained, {needed:,} needed: {trained / needed:.3f}")
    print(f"{sum(result.seconds for result in results):,.0f} s; {sum(result.commands for result in results)} commands")
    for result in results:
        if result.problems:
            print(f"failed: {result.schedule.number}: {result.problems[0]}")


if __name__ == "__main__":
    sys.exit(main())
