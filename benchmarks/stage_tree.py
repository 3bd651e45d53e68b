"""What sharing epochs saves: one study with and without ``--no-reuse-epochs``, side by side in one run.

    python benchmarks/stage_tree.py --data STORE [--epochs 10] [--seeds 1] [--model test_resnet]

Runs both through the real command, compares the leaderboards byte for byte, and prints images trained and wall time.
Which of the two runs first alternates with ``--repeats``; each ratio is of one pair.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from raysat.data.store import PatchStore
from raysat.planning.build import make_plan
from raysat.study.load import load_study

STUDY = """
study: stage_tree
base:
  model: {{name: {model}}}
  data: {{bands: agriculture}}
  optim: {{kind: adam, lr: 1.0e-3, batch_size: 16, epochs: {epochs}}}
seeds: {seeds}
grid:
  reweight: [{{kind: none}}, {{kind: drw}}]
  schedule: [{{kind: constant}}, {{kind: triangular, max_lr: 1.0e-3}}]
  average: [{{kind: none}}, {{kind: swa}}]
  augment: [{{kind: none}}, {{kind: augmix}}]
"""


def run(space: Path, data: str, out: Path, *more: str) -> float:
    """Seconds of one run of the command, Ray's start included."""
    words = ["ablate", "--space", str(space), "--data", data, "--out", str(out), *more]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "raysat", *words], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began


def boards(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((out / "stage_tree").glob("leaderboard.*"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="test_resnet")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "stage_tree.yaml"
        space.write_text(STUDY.format(model=given.model, epochs=given.epochs, seeds=given.seeds), encoding="utf-8")
        plan = make_plan(load_study(space), PatchStore.open(given.data))
        shared = sum(chain.samples_seen for chain in plan.train_jobs)
        print(f"{len(plan.study.arms)} arms x {given.seeds} seeds, {given.epochs} epochs of {given.model}\n")
        print(f"{'pair':>4}{'images alone':>14}{'shared':>12}{'ratio':>7}{'s alone':>10}{'shared':>10}{'ratio':>7}")
        ratios = []
        for pair in range(given.repeats):
            ways = [("alone", ["--no-reuse-epochs"]), ("shared", [])]
            seconds = {}
            for way, more in reversed(ways) if pair % 2 else ways:
                seconds[way] = run(space, given.data, Path(folder) / f"{way}{pair}", *more)
            ratios.append(seconds["alone"] / seconds["shared"])
            print(
                f"{pair + 1:4}{plan.samples_seen:14,}{shared:12,}{plan.samples_seen / shared:7.2f}"
                f"{seconds['alone']:10.1f}{seconds['shared']:10.1f}{ratios[-1]:7.2f}"
            )
            if boards(Path(folder) / f"alone{pair}") != boards(Path(folder) / f"shared{pair}"):
                sys.exit("the leaderboards differ")
        files = ", ".join(boards(Path(folder) / "shared0"))
    print(f"\n{files}: identical byte for byte")
    spread = f"n = {len(ratios)} pairs, {min(ratios):.2f} to {max(ratios):.2f}"
    print(f"wall time: {statistics.median(ratios):.2f}x less (median; {spread})")


if __name__ == "__main__":
    main()
