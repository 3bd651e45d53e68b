"""What checkpoints cost: trainings that save at once, directly to a disk and through the driver's, beside none.

    python benchmarks/checkpoints.py [--way direct|driver] [--pairs 3] [--seconds 12] [--trainings 4] [--model resnet18]
                                     [--step device|cpu] [--checkpoint-every 6s] [--folder DIR]

State and saving are real: a model of timm with Adam (resnet18: 134 MB), the writer that workers use, in processes of
Ray. Steps are not: 5 ms of a device, during which the host sleeps, or of a CPU, which competes with the saving. Each
pair is one window of so many seconds of steps without checkpoints, and one with; which comes first alternates. What a
save costs is the time that the window became longer, by the saves in it. ``auto`` spaces saves by 50 times what each
takes; ``cost`` is that share. Give ``--checkpoint-every auto`` and long windows to see it happen.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ray
import timm
import torch

from raysat.config.spacing import Spacing, read_spacing
from raysat.execution.cluster.connection import connect
from raysat.execution.storage.driver_disk import driver_disk, remote_files
from raysat.execution.storage.run_files import RunFiles
from raysat.metrics.confusion import from_confusion
from raysat.training.checkpoint import TrainingState
from raysat.training.checkpoint_writer import CheckpointWriter
from raysat.training.results import EpochReport

WAYS: Final = ("direct", "driver")
_STEP_S: Final = 0.005
_STEPS: Final = 20  # of an epoch
_AUTO: Final = 50  # times what a save takes: what lies between two with ``auto``


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What each training does."""

    model: str
    seconds: float  # of steps
    step: str  # device or cpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a training went."""

    seconds: float
    saves: tuple[float, ...]  # how long each took


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One pair of windows, over all trainings."""

    way: str
    ratio: float  # with checkpoints over without
    saves: int
    save_s: float  # how long one takes, on average
    longer_s: float  # by how much one makes its training longer

    @property
    def auto(self) -> float:
        """The share of a training that ``auto`` spends."""
        return self.longer_s / (_AUTO * self.save_s) if self.saves else 0.0


class Trainer:
    """A process that trains, as a slot does."""

    def __init__(self, work: Work, files: RunFiles, number: int) -> None:
        torch.set_num_threads(1)
        self._work, self._files, self._number = work, files, number
        self._network = timm.create_model(work.model, num_classes=10, in_chans=7)
        self._optimizer = torch.optim.Adam(self._network.parameters(), fused=True)
        for parameter in self._network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self._optimizer.step()
        self._matrix = torch.rand(256, 256)

    def nbytes(self) -> int:
        """The size of a checkpoint."""
        return len(self._state().encode())

    def train(self, begins: float, spacing: Spacing | None) -> Window:
        """Do all steps from a moment on (seconds since 1970), with checkpoints or without."""
        time.sleep(max(0.0, begins - time.time()))
        saves: list[float] = []
        names = (f"{self._number:08x}{count:08x}" for count in range(1 << 20))
        before: list[str | None] = [None]

        def save(state: TrainingState) -> None:
            began, name = time.perf_counter(), next(names)
            self._files.save_state(name, state.encode(), before[0])
            before[0] = name
            saves.append(time.perf_counter() - began)

        began = time.perf_counter()
        epochs = round(self._work.seconds / (_STEPS * _STEP_S))
        with CheckpointWriter(save, spacing or Spacing()) as writer:
            for epoch in range(1, epochs + 1):
                for _ in range(_STEPS):
                    self._step()
                if spacing is not None and epoch <= epochs * 2 // 3:  # what is saved at the end would be waited for
                    writer.offer(self._state, epoch)
        return Window(seconds=time.perf_counter() - began, saves=tuple(saves))

    def _step(self) -> None:
        if self._work.step == "device":
            time.sleep(_STEP_S)
            return
        until = time.thread_time() + _STEP_S
        while time.thread_time() < until:
            torch.mm(self._matrix, self._matrix)

    def _state(self) -> TrainingState:
        metrics = from_confusion(torch.eye(2, dtype=torch.int64).numpy())
        report = EpochReport(epoch=1, epochs=1, loss=1.0, lr=0.1, metrics=metrics, seconds=1.0, samples_seen=1)
        return TrainingState(
            epoch=1,
            samples_seen=1,
            network=self._network.state_dict(),
            optimizer=self._optimizer.state_dict(),
            averages={},
            history=(report,),
        )


def measure(
    way: str, work: Work, spacing: Spacing, *, trainings: int, pairs: int, folder: Path
) -> tuple[int, list[Cost]]:
    """Compare windows with checkpoints and without; Ray is at hand.

    Args:
        way: how checkpoints reach the disk: ``direct`` or through the ``driver``'s.
        work: of each training.
        spacing: of checkpoints.
        trainings: how many, at the same time.
        pairs: how many pairs of windows.
        folder: on the disk that is written to.

    Returns:
        The size of a checkpoint in bytes, and each pair.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        run = Path(place)
        with driver_disk(run, run, run) as disk:
            files = RunFiles(run, run, run) if way == "direct" else remote_files(disk)
            trainer: Any = ray.remote(num_cpus=0)(Trainer)
            trainers = [trainer.remote(work, files, number) for number in range(trainings)]
            (size, *_) = ray.get([each.nbytes.remote() for each in trainers])
            costs = list(_pairs(way, trainers, spacing, pairs))
            for each in trainers:
                ray.kill(each)
    return size, costs


def _pairs(way: str, trainers: Sequence[Any], spacing: Spacing, pairs: int) -> Iterator[Cost]:
    for pair in range(pairs):
        windows: dict[bool, list[Window]] = {}
        for saves in (False, True) if pair % 2 else (True, False):
            begins = time.time() + 0.5
            windows[saves] = ray.get([each.train.remote(begins, spacing if saves else None) for each in trainers])
        plain, saving = (sum(window.seconds for window in windows[saves]) for saves in (False, True))
        taken = [seconds for window in windows[True] for seconds in window.saves]
        yield Cost(
            way=way,
            ratio=saving / plain,
            saves=len(taken),
            save_s=statistics.fmean(taken) if taken else 0.0,
            longer_s=(saving - plain) / len(taken) if taken else 0.0,
        )


def table(size: int, costs: Sequence[Cost]) -> list[str]:
    """Lines of a table, a pair each, with mean and range at the end."""
    lines = [f"{'way':8}{'MB':>7}{'saves':>7}{'save s':>9}{'longer s':>10}{'ratio':>8}{'cost with auto':>16}"]
    lines += [
        f"{cost.way:8}{size / 1e6:7.1f}{cost.saves:7}{cost.save_s:9.3f}"
        f"{cost.longer_s:10.3f}{cost.ratio:8.4f}{cost.auto:16.2%}"
        for cost in costs
    ]
    ratios, autos = [cost.ratio for cost in costs], [cost.auto for cost in costs]
    lines.append(
        f"{costs[0].way}: n = {len(costs)}, ratio {statistics.fmean(ratios):.4f} ({min(ratios):.4f} to "
        f"{max(ratios):.4f}), cost with auto {statistics.fmean(autos):.2%} ({min(autos):.2%} to {max(autos):.2%})"
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--trainings", type=int, default=4)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--step", choices=("device", "cpu"), default="device")
    parser.add_argument("--checkpoint-every", default="6s")
    parser.add_argument("--folder", type=Path, help="on the disk to write to; by default that of temporary files")
    given = parser.parse_args()
    spacing = read_spacing(given.checkpoint_every, "--checkpoint-every")
    work = Work(model=given.model, seconds=given.seconds, step=given.step)
    with connect(None):
        for way in given.way or WAYS:
            options = {"trainings": given.trainings, "pairs": given.pairs, "folder": given.folder}
            print(*table(*measure(way, work, spacing, **options)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
