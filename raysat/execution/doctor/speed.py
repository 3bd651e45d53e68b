"""Looks for what is slow on a machine: imports, bytecode that is compiled anew each time, the steps of a CPU."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raysat.execution.doctor.check import Check

if TYPE_CHECKING:
    from torch import Tensor

_PACKAGES: Final = ("raysat", "torch", "timm", "ray")
_SLOW_IMPORT_S: Final = 6.0  # torch from a local disk takes two
_STEP_S: Final = 0.25  # that steps are measured for
_SLOW_STEP: Final = 5.0  # GFLOP/s a core
_SHARED: Final = 0.6  # of the time that cores were asked for
_CHANNELS, _SIDE, _BATCH = 64, 32, 8


def torch_import() -> Check | None:
    """How long torch takes to be imported, which it is here; None where that was done before, or cannot be."""
    if "torch" in sys.modules:
        return None
    start = time.perf_counter()
    try:
        importlib.import_module("torch")
    except Exception:  # noqa: BLE001  (whatever a broken package raises: said elsewhere)
        return None
    return import_check(time.perf_counter() - start)


def import_check(seconds: float) -> Check:
    """Whether torch was imported in time; each worker imports it, once."""
    found = f"torch in {seconds:.1f} s"
    if seconds > _SLOW_IMPORT_S:
        remedy = "install on a local disk, with compiled bytecode: python -m compileall -q <site-packages>"
        return Check(name="imports", found=found, level="warning", remedy=remedy)
    return Check(name="imports", found=found)


def bytecode(packages: Sequence[str] = _PACKAGES) -> Check:
    """Whether compiled packages are kept: where not, each process compiles them anew, for some ten seconds.

    Args:
        packages: what to look at.
    """
    bare = [spec.name for spec in _specs(packages) if not _is_kept(spec)]
    if not bare:
        kept = "kept" if not sys.dont_write_bytecode else "there; what is new is not kept"
        return Check(name="bytecode", found=kept)
    why = "PYTHONDONTWRITEBYTECODE is set" if sys.dont_write_bytecode else "their folder cannot be written"
    remedy = f"compile them once: python -m compileall -q {_site(bare[0])}"
    found = f"not there of {', '.join(bare)}: {why}, so each process compiles anew"
    return Check(name="bytecode", found=found, level="warning", remedy=remedy)


def _specs(packages: Sequence[str]) -> Iterator[ModuleSpec]:
    for name in packages:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            yield spec


def _is_kept(spec: ModuleSpec) -> bool:
    """Whether a package's bytecode is there, or will be from its next import on."""
    if spec.cached is None or Path(spec.cached).is_file():
        return spec.cached is not None
    folder = Path(spec.cached).parent
    while not folder.exists():
        folder = folder.parent
    return not sys.dont_write_bytecode and os.access(folder, os.W_OK)


def _site(package: str) -> str:
    spec = importlib.util.find_spec(package)
    return str(Path(spec.origin).parent) if spec is not None and spec.origin else package


def cpu_steps() -> Check:
    """How fast CPUs train: steps of one convolution, forward and backward, in float32."""
    import torch

    images = torch.ones(_BATCH, _CHANNELS, _SIDE, _SIDE)
    weight = torch.ones(_CHANNELS, _CHANNELS, 3, 3, requires_grad=True)
    operations = 2 * 2 * _BATCH * _SIDE**2 * _CHANNELS**2 * 9  # multiply and add; the weights' gradient is as much
    step = partial(_step, images, weight)
    step()  # finds its kernels
    threads, steps = torch.get_num_threads(), 0
    start, computed = time.perf_counter(), time.process_time()
    while (seconds := time.perf_counter() - start) < _STEP_S:
        step()
        steps += 1
    share = (time.process_time() - computed) / seconds / threads
    return step_check(operations * steps / seconds / 1e9, threads, share)


def _step(images: Tensor, weight: Tensor) -> None:
    from torch.autograd import backward
    from torch.nn.functional import conv2d

    backward(conv2d(images, weight, padding=1).sum())


def step_check(rate: float, threads: int, share: float) -> Check:
    """Whether CPUs compute as fast as cores do that belong to nobody else.

    Args:
        rate: GFLOP/s of all threads.
        threads: that computed.
        share: of the time that these asked for, what they got.

    Returns:
        A warning where they are slow, or are not theirs alone.
    """
    found = f"{rate:,.0f} GFLOP/s in convolutions, on {'1 thread' if threads == 1 else f'{threads} threads'}"
    if share < _SHARED:
        remedy = "something else computes here, or a quota holds it up: end it, or expect so much longer"
        return Check(name="CPU speed", found=f"{found}; they got {100 * share:.0f} %", level="warning", remedy=remedy)
    if rate < _SLOW_STEP * threads:
        remedy = "train on a GPU, or on CPUs with AVX2 (lscpu): these take many times as long"
        return Check(name="CPU speed", found=found, level="warning", remedy=remedy)
    return Check(name="CPU speed", found=found)
