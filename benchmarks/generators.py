"""Whether a flow makes better patches of rare classes than a DC-GAN does in the same processor time.

    python benchmarks/generators.py STORE [--side 32] [--steps 660] [--flow-steps N] [--seeds 5] [--only WAY ...]

Patches of every class but the largest are made up to its number, as ``equalise`` does. The score is raysat's own: the
balanced accuracy on real held-out patches of a classifier that learned these classes from made patches alone.

- *dcgan*: at its defaults but for ``--steps``. The base of the differences.
- *flow*: at its defaults but for ``--flow-steps``.
- *gaussian*: what the flow starts from, without training.

First the costs of a step and of a patch are measured in turn; a flow takes as many steps as the DC-GAN's time allows
once its patches are made, or ``--flow-steps``. Seconds are of one thread's processor time, the making of patches
included. Differences are paired by seed, with intervals of Student's t at 97.5 %, as two flows were tried (Bonferroni).
The last line says whether the flow is better by the rule: its difference to the DC-GAN lies above 0, and on test alone
(val left out) the mean difference does as well, over three seeds at least.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from scipy.stats import t as students_t

from raysat.config.families.synthetic import Dcgan, Flow
from raysat.config.schema import Generation
from raysat.data.store import SPLITS, PatchStore, Split, StoreWriter
from raysat.generation.dcgan.engine import GanEngine
from raysat.generation.engine import Images
from raysat.generation.flow.engine import FlowEngine
from raysat.generation.quality import measure, train_on_synthetic

Made = dict[int, Images]  # by label
BASE: Final = "dcgan"
WAYS: Final = (BASE, "flow", "gaussian")
_CPU: Final = torch.device("cpu")
_CHUNK: Final = 30  # steps by one random generator
_LEVEL: Final = 0.975  # of intervals
_LEAST: Final = 3  # seeds that the rule asks for
_MEASURES: Final = ("kid", "diversity", "nearest_real")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every way does."""

    store: PatchStore
    counts: Mapping[int, int]  # patches to make by label
    steps: int  # of each DC-GAN
    flow_steps: int  # of each flow

    @classmethod
    def of(cls, store: PatchStore, steps: int, flow_steps: int) -> Task:
        """Make every class as large as the largest."""
        counts = store.counts("train")
        missing = {label: int(counts.max() - count) for label, count in enumerate(counts) if count < counts.max()}
        return cls(store=store, counts=missing, steps=steps, flow_steps=flow_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a seed."""

    score: float  # balanced accuracy on val and test
    test: float  # on test alone
    real: float  # of real patches, on val and test
    seconds: float
    quality: Mapping[str, float]  # by measure, means over classes; not a number where patches are too few


def dcgan(task: Task, label: int, seed: int) -> GanEngine:
    """A DC-GAN at its start."""
    gan = Dcgan(steps=task.steps, seed=seed)
    return GanEngine(_work(task, label, gan), gan, task.store, _CPU)


def flow(task: Task, label: int, seed: int) -> FlowEngine:
    """A flow at its start."""
    settings = Flow(steps=task.flow_steps, seed=seed)
    return FlowEngine(_work(task, label, settings), settings, task.store, _CPU)


def _work(task: Task, label: int, generator: Dcgan | Flow) -> Generation:
    return Generation(label=label, bands=tuple(task.store.bands), patches=task.counts[label], generator=generator)


def make(way: str, task: Task, label: int, seed: int) -> Images:
    """Train on a class and make its patches."""
    count = task.counts[label]
    if way == "gaussian":
        return flow(task, label, seed).draw_gaussian(count)
    engine, steps = (
        (dcgan(task, label, seed), task.steps) if way == "dcgan" else (flow(task, label, seed), task.flow_steps)
    )
    for chunk, first in enumerate(range(0, steps, _CHUNK)):
        engine.train(min(_CHUNK, steps - first), chunk)
    return engine.make(count)


def evaluate(way: str, task: Task, only_test: PatchStore, seed: int) -> Result:
    """Score a seed of a way."""
    began = time.process_time()
    made: Made = {label: make(way, task, label, seed) for label in task.counts}
    seconds, store = time.process_time() - began, task.store
    both, test = (train_on_synthetic(made, real, store.bands) for real in (store, only_test))
    if both is None or test is None:
        raise SystemExit(f"{store.path} has no test patches")
    found = [measure(images, store, label=label, bands=store.bands).measures() for label, images in made.items()]
    values = {name: [measures[name].generated for measures in found] for name in _MEASURES}
    quality = {name: statistics.fmean(np.nan if v is None else v for v in each) for name, each in values.items()}
    return Result(score=both.synthetic, test=test.synthetic, real=both.real, seconds=seconds, quality=quality)


def equal_steps(task: Task, rounds: int = 3) -> int:
    """Steps of a flow in the time of a DC-GAN, their patches included."""
    label = next(iter(task.counts))
    gan, other, mean = dcgan(task, label, seed=0), flow(task, label, seed=0), statistics.fmean(task.counts.values())
    actions: dict[str, Callable[[], object]] = {
        "dcgan's step": lambda: gan.train(10, 0),
        "flow's step": lambda: other.train(10, 0),
        "dcgan's patches": lambda: gan.make(round(mean)),
        "flow's patches": lambda: other.make(round(mean)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds + 1):
        for name, action in actions.items():
            began = time.process_time()
            action()
            taken = (time.process_time() - began) / (10 if "step" in name else 1)
            if turn:  # the first warms up
                seconds[name].append(taken)
    cost = {name: statistics.median(each) for name, each in seconds.items()}
    print("costs      " + ", ".join(f"{name} {1000 * each:.0f} ms" for name, each in cost.items()), flush=True)
    whole = task.steps * cost["dcgan's step"] + cost["dcgan's patches"]
    return max(1, round((whole - cost["flow's patches"]) / cost["flow's step"]))


def averaged(store: PatchStore, folder: Path, side: int, splits: Sequence[Split] = SPLITS) -> PatchStore:
    """A store of the patches of some splits, averaged to so many pixels along a side."""
    height, width = store.images.shape[2:]
    if height != width or height % side:
        raise SystemExit(f"--side {side}: patches are {height} x {width}; it must divide both")
    times, dtype = height // side, store.images.dtype
    kept = np.flatnonzero(np.isin(store.splits, [SPLITS.index(split) for split in splits]))
    with StoreWriter(
        folder,
        bands=store.bands,
        classes=store.classes,
        sensor=store.sensor,
        ordinal=store.ordinal,
        source={"kind": "averaged", "of": store.fingerprint},
    ) as writer:
        for row in kept:
            mean_CHW = store.images[row].reshape(len(store.bands), side, times, side, times).mean((2, 4))
            writer.add((mean_CHW if dtype.kind == "f" else mean_CHW.round()).astype(dtype), int(store.labels[row]))
        return writer.close([SPLITS[store.splits[row]] for row in kept])


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Ends of Student's t-interval of a mean; without end for one value."""
    mean, n = statistics.fmean(differences), len(differences)
    if n < 2:
        return -np.inf, np.inf
    half = float(students_t.ppf((1 + _LEVEL) / 2, n - 1)) * statistics.stdev(differences) / np.sqrt(n)
    return mean - half, mean + half


def table(results: Mapping[str, Sequence[Result]]) -> list[str]:
    """A row of each way, and whether the flow is better by the rule."""
    verdict = f"undecided, under {_LEAST} seeds" if len(results[BASE]) < _LEAST else "no"
    lines = [
        "| way | val and test | sd | test | minus dcgan | KID | diversity | nearest real | s | n |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for way, each in results.items():
        pairs = list(zip(each, results[BASE], strict=True))
        differences = [one.score - base.score for one, base in pairs]
        low, high = interval(differences)
        on_test = statistics.fmean(one.test - base.test for one, base in pairs)
        if way == "flow" and verdict == "no" and low > 0 and on_test > 0:
            verdict = "yes"
        scores = [one.score for one in each]
        difference = f"{statistics.fmean(differences):+.3f} [{low:+.3f}, {high:+.3f}]" if way != BASE else "–"
        cells = [
            way,
            f"{statistics.fmean(scores):.3f}",
            f"{statistics.stdev(scores):.3f}" if len(scores) > 1 else "–",
            f"{statistics.fmean(one.test for one in each):.3f}",
            difference,
            *(f"{statistics.fmean(one.quality[name] for one in each):.2f}" for name in _MEASURES),
            f"{statistics.fmean(one.seconds for one in each):.1f}",
            f"n={len(each)}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, f"real patches: {results[BASE][0].real:.3f}", f"the flow is better: {verdict}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="of square patches with a held-out split")
    parser.add_argument("--side", type=int, default=32, help="pixels that patches are averaged to")
    parser.add_argument("--steps", type=int, default=660, help="of each DC-GAN")
    parser.add_argument("--flow-steps", type=int, help="of each flow; by default by measured cost")
    parser.add_argument("--seeds", type=int, default=5, help="generators of each way")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS, help=f"beside {BASE}")
    parser.add_argument("--smallest", action="store_true", help="few steps and one seed, for tests")
    given = parser.parse_args()
    steps, flow_steps, seeds = (8, 9, 1) if given.smallest else (given.steps, given.flow_steps, given.seeds)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        real = PatchStore.open(given.store)
        store = averaged(real, Path(place) / "all", given.side)
        only_test = averaged(real, Path(place) / "test", given.side, ("train", "test"))
        task = Task.of(store, steps, 1)
        task = Task.of(store, steps, flow_steps or equal_steps(task))
        print(f"steps      {task.steps} of each DC-GAN, {task.flow_steps} of each flow", flush=True)
        results: dict[str, list[Result]] = {way: [] for way in WAYS if way == BASE or way in given.only}
        for seed in range(seeds):
            for way, each in results.items():
                each.append(evaluate(way, task, only_test, seed))
                print(f"seed {seed:<5} {way}: {each[-1].score:.3f} in {each[-1].seconds:.1f} s", flush=True)
        print(*table(results), sep="\n")


if __name__ == "__main__":
    main()
