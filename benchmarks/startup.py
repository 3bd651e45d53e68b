"""How soon a command answers: ``--help``, ``status`` and ``plan``, over ``python -c "import click"``.

    python benchmarks/startup.py [--quick] [--rounds N]

Each round starts every command once, in turn, so that what else the machine does meets all of them; the table has the
median of each round's ratio, and the range. The first round, which finds files on the disk and makes the demo, is left
out.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from raysat.api.stores import open_store
from raysat.planning.build import make_plan
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study

PROMISED_S: Final = {"raysat --help": 0.2, "raysat status RUN": 0.4, "raysat plan --space quickstart": 1.5}
BASE: Final = 'python -c "import click"'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five rounds")
    parser.add_argument("--smallest", action="store_true", help="two rounds, for the test")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    rounds = 2 if given.smallest else 5 if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder) / "quickstart")
        seconds = measure(run, rounds)
    base = seconds.pop(BASE)
    print("| | seconds, median (range) | promised, s | ratio to `import click` (range, n) |\n|---|---|---|---|")
    print(f"| `{BASE}` | {spread(base)} | | 1 |")
    for name, taken in seconds.items():
        ratios = [one / other for one, other in zip(taken, base, strict=True)]
        print(f"| `{name}` | {spread(taken)} | {PROMISED_S[name]} | {spread(ratios, 1)}, n={len(ratios)} |")
    return 0


def make_run(path: Path) -> Path:
    """A run of the quickstart on the demo of which nothing is trained yet."""
    study = load_study("quickstart")
    plan = make_plan(study, open_store("demo"))
    Ledger(path).write_plan(study.text, plan.to_file())
    return path


def measure(run: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round."""
    raysat = [sys.executable, "-m", "raysat"]
    commands = {
        BASE: [sys.executable, "-c", "import click"],
        "raysat --help": [*raysat, "--help"],
        "raysat status RUN": [*raysat, "status", str(run)],
        "raysat plan --space quickstart": [*raysat, "plan", "--space", "quickstart", "--out", str(run.parent / "out")],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for place in range(rounds + 1):
        for name, words in commands.items():
            began = time.perf_counter()
            subprocess.run(words, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
            if place:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def spread(values: list[float], digits: int = 2) -> str:
    """The median and the range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
