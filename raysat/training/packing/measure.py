"""Measures trainings side by side on this machine's device, in one process each.

    python -m raysat.training.packing.measure FOLDER < REQUEST > RESULT

The first process builds every network once, and says how much memory the largest took. Then 1, 2, 4, ... processes
take steps of the first network at once, as long as the next so many fit and gain. Patches are random: how long a step
takes does not depend on what they show.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from raysat.config.families.synthetic import NoSynthetic
from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore, StoreWriter
from raysat.training.device import EVALUATION_BATCH, default_device
from raysat.training.engine import Engine
from raysat.training.packing.messages import GAIN, ROOM, Packing, PackingRequest, read_request
from raysat.training.packing.mps import mps_state
from raysat.training.seeding import reproducible

_SECONDS: Final = 0.5  # of steps, each time
_BATCHES: Final = 4  # of patches in the stand-in store
_WARM: Final = 4  # steps: a graph is recorded by the second
_CONTEXT: Final = (3 * 10**8, 10**9)  # bytes that a process takes of a card beside its tensors: at least, at most
_PATIENCE_S: Final = 60.0  # for a process to be ready
_PARENT: Final = os.getppid()  # who wants to know


def measure(request: PackingRequest, folder: Path) -> Packing:
    """Measure, in processes forked from this one, which must not have used CUDA yet.

    Args:
        request: what trains.
        folder: for its patches; who gives it removes them.

    Returns:
        What the device did.

    Raises:
        RuntimeError: a process ended, for want of memory say.
    """
    store = _stand_in(request, folder / "store")
    with _processes(request, store) as processes:
        processes.more(1)
        device, memory, need = _answer(processes.first)
        rates = [processes.rate(1)]
        while (count := 2 ** len(rates)) <= request.most and (not memory or count * need <= ROOM * memory):
            processes.more(count)
            rates.append(processes.rate(count))
            if rates[-1] < GAIN * rates[-2]:
                break
    return Packing(device=device, memory=memory, need=need, rates=tuple(rates), mps=mps_state())


class _Processes:
    """Trainings, each in a process that takes steps whenever it is told to."""

    def __init__(self, request: PackingRequest, store: PatchStore) -> None:
        self._request, self._store = request, store
        self._ends: list[Connection] = []
        self._running: list[multiprocessing.process.BaseProcess] = []

    @property
    def first(self) -> Connection:
        """The one that measures memory."""
        return self._ends[0]

    def more(self, count: int) -> None:
        """Have so many, all ready."""
        context, before = multiprocessing.get_context("fork"), len(self._ends)
        for number in range(before, count):
            here, there = context.Pipe()
            process = context.Process(target=_train, args=(there, self._request, self._store, number == 0), daemon=True)
            process.start()
            there.close()
            self._ends.append(here)
            self._running.append(process)
        if before:
            for end in self._ends[before:]:
                _answer(end)

    def rate(self, count: int) -> float:
        """Patches a second of the first so many, at once."""
        for end in self._ends[:count]:
            end.send(_SECONDS)
        return float(sum(_answer(end) for end in self._ends[:count]))

    def end(self) -> None:
        """End them all."""
        for process in self._running:
            process.kill()
            process.join()


@contextmanager
def _processes(request: PackingRequest, store: PatchStore) -> Iterator[_Processes]:
    processes = _Processes(request, store)
    try:
        yield processes
    finally:
        processes.end()


def _answer(end: Connection) -> Any:
    """What a process says next. Raises RuntimeError where it is gone, or who wants to know."""
    until = time.monotonic() + _PATIENCE_S
    while not end.poll(1.0):
        if os.getppid() != _PARENT or time.monotonic() > until:
            raise RuntimeError(f"no answer within {_PATIENCE_S:g} s")
    try:
        return end.recv()
    except EOFError:
        raise RuntimeError("a training ended: too little memory?") from None


def _train(parent: Connection, request: PackingRequest, store: PatchStore, is_first: bool) -> None:
    """A process: report memory, or only that it is ready, then patches a second as often as it is asked."""
    device, configs = default_device(), request.networks
    need = max(_memory(config, store, device, request) for config in configs) if is_first else 0
    engine = _engine(configs[0], store, device, request)
    with reproducible(device, 0, "packing"):
        engine.try_steps(_WARM)
        _wait(device)
        if is_first:
            name, memory = "CPU", 0
            if device.type == "cuda":
                name, memory = torch.cuda.get_device_name(device), torch.cuda.mem_get_info(device)[1]
            parent.send((name, memory, need))
        else:
            parent.send(1)
        while _asked(parent):
            seconds, began, done = parent.recv(), time.perf_counter(), 0
            while (spent := time.perf_counter() - began) < seconds or not done:
                done += engine.try_steps(8 if device.type == "cuda" else 1)
                _wait(device)
            parent.send(done / spent if spent else 0.0)


def _asked(parent: Connection) -> bool:
    """Wait for a question; whether there will be any."""
    asks = multiprocessing.parent_process()
    while not parent.poll(1.0):
        if asks is None or not asks.is_alive():  # killed: its other children hold its end of the pipe open
            return False
    return True


def _memory(config: Config, store: PatchStore, device: torch.device, request: PackingRequest) -> int:
    """Bytes that a training of a network takes of a card, patches left out; 0 on a CPU."""
    if device.type == "cpu":
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    engine = _engine(config, store, device, request)
    with reproducible(device, 0, "packing"):
        engine.try_steps(_WARM)
        engine.try_evaluation(1)
        _wait(device)
    free, total = torch.cuda.mem_get_info(device)
    beside = min(max(total - free - torch.cuda.memory_reserved(device), _CONTEXT[0]), _CONTEXT[1])
    reserved = torch.cuda.max_memory_reserved(device)
    del engine
    gc.collect()
    torch.cuda.empty_cache()
    return int(reserved + beside)


def _engine(config: Config, store: PatchStore, device: torch.device, request: PackingRequest) -> Engine:
    trial = Trial(config=config.model_copy(update={"synthetic": NoSynthetic()}), seed=0)
    return Engine(trial, store, device, eager=request.eager)


def _stand_in(request: PackingRequest, path: Path) -> PatchStore:
    """A small store of random patches, of the request's kind."""
    dtype, rng = np.dtype(request.dtype), np.random.default_rng(0)
    train = max(_BATCHES * max(config.optim.batch_size for config in request.networks), 2 * request.classes)
    with StoreWriter(
        path,
        bands=request.bands,
        classes=[f"class {number}" for number in range(request.classes)],
        sensor=request.sensor,
        source={},
    ) as writer:
        for number in range(train + EVALUATION_BATCH):
            patch = rng.integers(0, 255, (len(request.bands), *request.size)).astype(dtype)
            writer.add(patch, number % request.classes, "train" if number < train else "val")
        return writer.close()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    found = measure(read_request(sys.stdin.read()), Path(sys.argv[1]))
    sys.stdout.write(found.model_dump_json())
