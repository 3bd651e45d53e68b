"""How fast this machine trains and evaluates a network: some steps of it, in as many threads as there will be slots."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from raysat.config.families.synthetic import NoSynthetic
from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.training.device import default_device, full_precision
from raysat.training.engine import Engine
from raysat.training.seeding import reproducible


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Patches a second, of all slots together."""

    trained: float
    evaluated: float


def measure(config: Config, store: PatchStore, *, slots: int = 1, threads: int | None = None, seconds: float) -> Pace:
    """Time steps of training and batches of evaluation, each after one that warms up, and one at least.

    Generated patches are left out: they are patches like others.

    Args:
        config: what is trained.
        store: the patches.
        slots: how many train at once.
        threads: of each; by default those that torch has.
        seconds: for how long, about.

    Returns:
        The pace of all slots together.

    Raises:
        BandError, PlanError, TrainingError: as ``training.loop.train``.
    """
    before, device = torch.get_num_threads(), default_device()
    torch.set_num_threads(threads or before)
    try:
        trial = Trial(config=config.model_copy(update={"synthetic": NoSynthetic()}), seed=0)
        engines = [Engine(trial, store, device) for _ in range(slots)]
        # What these change is the process's, so one thread changes it for all.
        with reproducible(device, 0, "calibration"), ThreadPoolExecutor(slots) as pool:
            at_once = pool.map if slots > 1 else map  # a GPU is the current one of this thread
            paces = list(at_once(lambda engine: _pace(engine, seconds), engines))
    finally:
        torch.set_num_threads(before)
    return Pace(trained=sum(pace.trained for pace in paces), evaluated=sum(pace.evaluated for pace in paces))


def _pace(engine: Engine, seconds: float) -> Pace:
    trained = _rate(engine.try_steps, 0.8 * seconds, engine.device)
    with full_precision() if engine.device.type == "cuda" else nullcontext():
        return Pace(trained=trained, evaluated=_rate(engine.try_evaluation, 0.2 * seconds, engine.device))


def _rate(work: Callable[[int], int], seconds: float, device: torch.device) -> float:
    """Patches a second of work that is given how often, and returns how many patches these were."""
    work(3 if device.type == "cuda" else 1)  # a graph is recorded by the second
    _wait(device)
    began, done, times = time.perf_counter(), 0, 1 if device.type == "cpu" else 8
    while (spent := time.perf_counter() - began) < seconds or not done:
        done += work(times)
        times = 2 * times if spent < seconds / 8 else times
        _wait(device)
    return done / (time.perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
