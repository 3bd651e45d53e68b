"""What raysat's loop adds to the steps of training, and AugMix beside Pillow and torchvision.

    python benchmarks/loop.py [--quick] [--threads N]

*loop*: raysat's epochs without their evaluation, over the same step (forward, loss, backward, Adam) on one constant
batch of as many views: 1 is a loop that costs nothing. Both are timed in turn; the table has the median of the ratios
of pairs, and their range. *AugMix*: patches a second, two views of each, on 8-bit patches of 65 x 65; Pillow and
torchvision take them one by one, Pillow on one thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from gpu import DEVICE, Case, bare_step, make_store, synchronize
from peering import pillow_augmix

from raysat.config.families.images import AugMix
from raysat.config.schema import Trial
from raysat.training.augment import augmix
from raysat.training.batch import views
from raysat.training.loop import Training
from raysat.training.patches import Scale

BATCH: Final = 32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without dihedral and mixup, and fewer steps")
    parser.add_argument("--smallest", action="store_true", help="a tiny network, for the test")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = "test_resnet" if given.smallest else "resnet18"
    steps, pairs = (2, 3) if given.smallest else (3, 3) if given.quick else (10, 7)
    print(f"{model}, batch {BATCH}, {given.threads} threads, torch {torch.__version__}", flush=True)
    print("| | loop, images/s | bare step, images/s | loop / bare (range, n pairs) |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store", steps * BATCH)
        for augment in ("none", "augmix") if given.quick else ("none", "dihedral", "mixup", "augmix"):
            print(loop_row(Case(model=model, batch=BATCH, augment=augment), store, steps, pairs), flush=True)
    print("\n| AugMix | patches/s (range, n) | raysat over it |\n|---|---|---|")
    for bands in (3, 11):
        print("\n".join(augmix_rows(bands, pairs)), flush=True)
    return 0


def loop_row(case: Case, store: Any, steps: int, pairs: int) -> str:
    engine = Training(Trial(config=case.config, seed=0), store, device=DEVICE)._engine
    step = bare_step(case)
    epochs = iter(range(1000))

    def loop() -> float:
        return rate(lambda: engine.train_epoch(next(epochs)), steps)

    def bare() -> float:
        return rate(lambda: [step() for _ in range(steps)], steps)

    found = []
    for pair in range(pairs + 1):  # each comes first as often; the first pair warms up
        first, second = (loop, bare) if pair % 2 else (bare, loop)
        one, other = first(), second()
        found.append((one, other) if pair % 2 else (other, one))
    ratios = [own / limit for own, limit in found[1:]]
    own, limit = (statistics.median(column) for column in zip(*found[1:], strict=True))
    return (
        f"| {case.augment} | {own:.0f} | {limit:.0f} | "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}, n={pairs}) |"
    )


def rate(run: Callable[[], Any], steps: int) -> float:
    synchronize()
    began = time.perf_counter()
    run()
    synchronize()
    return steps * BATCH / (time.perf_counter() - began)


def augmix_rows(bands: int, repeats: int) -> list[str]:
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (BATCH, bands, 65, 65), dtype=np.uint8)
    member = AugMix()

    levels = torch.full((4, bands, 1, 1), 255.0)
    scale = Scale(mean=levels[0] / 2, std=levels[1] / 4, low=0 * levels[2], span=levels[3])

    def ours() -> None:
        drawn = augmix.chains(augmix.draw(member, BATCH, rng), height=65, width=65)
        views(member, torch.from_numpy(patches).float(), scale, drawn, by_patch=DEVICE.type == "cpu")

    def by_pillow() -> None:
        for patch in patches:
            for _ in range(2):
                pillow_augmix.view(patch, rng)

    ways: dict[str, Callable[[], None]] = {"raysat": ours, "Pillow, band by band": by_pillow}
    if bands == 3:  # it knows one or three
        from torchvision.transforms import v2

        transform, tensors = v2.AugMix(all_ops=False), torch.from_numpy(patches)

        def by_torchvision() -> None:
            for patch in tensors:
                for _ in range(2):
                    transform(patch)

        ways["torchvision v2"] = by_torchvision
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            found = rate(way, 1)
            if turn:
                rates[name].append(found)
    own = statistics.median(rates["raysat"])
    return [
        f"| {name}, {bands} bands | {statistics.median(found):.0f} ({min(found):.0f}-{max(found):.0f}, n={repeats}) | "
        f"{own / statistics.median(found):.1f} |"
        for name, found in rates.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
