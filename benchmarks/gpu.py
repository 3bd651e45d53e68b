"""What a GPU does with raysat: images a second of its epochs, replayed and launched, beside a bare step, and packed.

    python benchmarks/gpu.py [--quick] [--only NAME ...] [--seconds 4]

Patches are of droughtwatch's shape (11 x 65 x 65, uint8; random, four classes). *replayed* and *launched* are raysat's
own epochs, with CUDA graphs and with ``--eager``; *bare* is forward, loss, backward and Adam on one constant batch of
as many views in a graph: the most that the card can do. Each is timed over whole epochs (or 50 bare steps) for so many
seconds after a warm one, three times at least; the table has median, range and n. *packed*: so many processes on one
card at once, in all. *first* is the time from a training's start to the end of its first epoch. Without a GPU it runs
tiny sizes on the CPU, to check itself.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore, StoreWriter
from raysat.training import optimizers
from raysat.training.device import autocast
from raysat.training.graphs import Replay
from raysat.training.loop import Training
from raysat.training.models import build as models

ON_GPU: Final = torch.cuda.is_available()
DEVICE: Final = torch.device("cuda" if ON_GPU else "cpu")
BARE_STEPS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the table."""

    model: str
    batch: int
    augment: str = "none"

    @property
    def name(self) -> str:
        """How it reads."""
        return f"{self.model} {self.batch}" + ("" if self.augment == "none" else f" {self.augment}")

    @property
    def config(self) -> Config:
        """What is trained."""
        return Config.model_validate(
            {
                "model": {"name": self.model},
                "optim": {"kind": "adam", "batch_size": self.batch, "epochs": 1000},
                "augment": {"kind": self.augment},
            }
        )


CASES: Final = (
    Case(model="resnet18", batch=32),
    Case(model="resnet18", batch=128),
    Case(model="resnet18", batch=512),
    Case(model="resnet50", batch=32),
    Case(model="resnet18", batch=32, augment="augmix"),
    Case(model="resnet18", batch=128, augment="augmix"),
)
TINY: Final = (Case(model="test_resnet", batch=16), Case(model="test_resnet", batch=16, augment="augmix"))
PACKED: Final = (1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Images a second, as timed."""

    values: tuple[float, ...]

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return f"{self.median:,.0f} ({low:,.0f}-{high:,.0f}, n={len(self.values)})"

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], help="cases by name, such as 'resnet18 32'; and 'packed'")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--packed-worker", nargs=2, metavar=("STORE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.packed_worker:
        pack_worker(*map(Path, options.packed_worker), options.seconds)
        return 0
    card = torch.cuda.get_device_name() if ON_GPU else "CPU"
    print(f"{card}, torch {torch.__version__}; images a second: median (range, n)")
    seconds = 0.2 if options.quick or not ON_GPU else options.seconds
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store", 10_240 if ON_GPU else 64)
        print("| case | replayed | launched | bare, in a graph | replayed/bare | first, s |\n|---|---|---|---|---|---|")
        for case in CASES if ON_GPU else TINY:
            if not options.only or case.name in options.only:
                print(row(case, store, seconds), flush=True)
        if not options.only or "packed" in options.only:
            for count in PACKED[:2] if options.quick else PACKED:
                total = packed(count, store.path, seconds)
                print(f"{count} processes at once, {packed_case().name}: {total:,.0f} in all", flush=True)
    return 0


def make_store(path: Path, patches: int) -> PatchStore:
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 255, (64, 11, 65, 65), dtype=np.uint8)
    bands = tuple(f"B{band}" for band in range(1, 12))
    with StoreWriter(path, bands=bands, classes=("a", "b", "c", "d"), sensor="landsat8", source={}) as writer:
        for index in range(patches + patches // 20):
            label = index % 4 if index < 4 else int(rng.choice(4, p=(0.6, 0.16, 0.15, 0.09)))
            writer.add(pool[index % len(pool)], label, "train" if index < patches else "val")
        return writer.close()


def row(case: Case, store: PatchStore, seconds: float) -> str:
    replayed, first = ours(case, store, seconds, eager=False)
    launched, _ = ours(case, store, seconds, eager=True)
    limit = bare(case, seconds)
    ratio = replayed.median / limit.median
    return f"| {case.name} | {replayed} | {launched} | {limit} | {ratio:.2f} | {first:.1f} |"


def ours(case: Case, store: PatchStore, seconds: float, *, eager: bool) -> tuple[Rate, float]:
    """Rates of raysat's epochs without their evaluation, and the seconds to the end of the first."""
    began = time.perf_counter()
    training = Training(Trial(config=case.config, seed=0), store, device=DEVICE, eager=eager)
    engine = training._engine
    engine.train_epoch(0)
    first = time.perf_counter() - began
    if not eager:
        engine.train_epoch(1)  # its last batch is recorded
    epochs = iter(range(2, 1000))
    images = len(engine.patches["train"])
    return timed(lambda: engine.train_epoch(next(epochs)), images, seconds), first


def bare(case: Case, seconds: float) -> Rate:
    """Rates of the step alone: one constant batch of as many views, in a graph."""
    step = bare_step(case)
    for _ in range(3):
        step()
    steps = BARE_STEPS if ON_GPU else 2
    return timed(lambda: [step() for _ in range(steps)], steps * case.batch, seconds)


def bare_step(case: Case) -> Callable[[], None]:
    """Forward, loss, backward and Adam on one constant batch; replayed on a GPU."""
    network = models.build(case.config.model, bands=11, classes=4, size=(65, 65)).to(DEVICE)
    network.to(memory_format=torch.channels_last).train()
    optimizer = optimizers.build(case.config.optim, network)
    count = case.batch * case.config.forward_passes
    views = torch.randn(count, 11, 65, 65, device=DEVICE).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 4, (count,), device=DEVICE)
    replay = Replay(eager=not ON_GPU)

    def step() -> None:
        with autocast(DEVICE):
            logits = network(views)
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(logits.float(), labels))
        optimizer.step()

    torch.backends.cudnn.benchmark = ON_GPU
    return lambda: replay(step)


def timed(run: Callable[[], Any], images: int, seconds: float) -> Rate:
    rates: list[float] = []
    until = time.perf_counter() + seconds
    while len(rates) < 3 or time.perf_counter() < until:
        synchronize()
        began = time.perf_counter()
        run()
        synchronize()
        rates.append(images / (time.perf_counter() - began))
    return Rate(values=tuple(rates))


def synchronize() -> None:
    if ON_GPU:
        torch.cuda.synchronize()


def packed_case() -> Case:
    return (CASES if ON_GPU else TINY)[0]


def packed(count: int, store: Path, seconds: float) -> float:
    """Images a second of so many processes together, while all of them train."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--seconds", str(seconds), "--packed-worker", str(store), folder]
        workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]  # noqa: S603
        wait_for(lambda: len(list(Path(folder).glob("ready-*"))) == count or any(w.poll() for w in workers))
        (Path(folder) / "go").touch()
        rates = [float(worker.communicate()[0]) for worker in workers]
    return sum(rates)


def pack_worker(store: Path, folder: Path, seconds: float) -> None:
    case = packed_case()
    engine = Training(Trial(config=case.config, seed=0), PatchStore.open(store), device=DEVICE)._engine
    for epoch in range(2):
        engine.train_epoch(epoch)
    (folder / f"ready-{id(engine)}-{time.time_ns()}").touch()
    wait_for((folder / "go").exists)
    began, epoch = time.perf_counter(), 2
    while (spent := time.perf_counter() - began) < seconds:
        engine.train_epoch(epoch)
        epoch += 1
    print((epoch - 2) * len(engine.patches["train"]) / spent)


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit("the packed processes did not start in time")
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
