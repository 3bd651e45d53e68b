"""Measures how many trainings a GPU holds: on this machine while Ray starts, or by a task of a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import ray
from pydantic import ValidationError
from ray.exceptions import GetTimeoutError, RayError

from raysat.execution.cluster.known_packing import keep_packing, known_packing
from raysat.execution.cluster.private_folder import private_folder
from raysat.execution.cluster.python_path import raysat_path
from raysat.formatting import one_line
from raysat.interrupts import removed_at_end
from raysat.training.packing.messages import Packing, PackingRequest, request_text

_PATIENCE_S: Final = 120.0


@contextmanager
def packing_measured(request: PackingRequest) -> Iterator[Callable[[], Packing]]:
    """Begin to measure on this machine, unless it is known.

    Yields:
        Waits for the result, and keeps it. Raises RuntimeError with a line on what went wrong.
    """
    if known := known_packing(request):
        yield lambda: known
        return
    with private_folder() as private:
        asked = private.path / "request.json"
        asked.write_text(request_text(request), encoding="utf-8")
        with asked.open() as stdin:
            process = subprocess.Popen(  # noqa: S603  (this Python, and a module of raysat)
                [sys.executable, "-P", "-m", "raysat.training.packing.measure", str(private.path)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": raysat_path()},
                text=True,
            )
        with process, removed_at_end(process.kill):
            try:
                yield partial(_result, process, request)
            finally:
                process.kill()


def _result(process: subprocess.Popen[str], request: PackingRequest) -> Packing:
    try:
        output, errors = process.communicate(timeout=_PATIENCE_S)
        packing = Packing.model_validate_json(output)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f"no result within {_PATIENCE_S:g} s") from None
    except ValidationError:
        lines = [line for line in errors.splitlines() if line.strip()]
        raise RuntimeError(one_line(lines[-1]) if lines else "its process was killed") from None
    keep_packing(request, packing)
    return packing


def measured_on_cluster(request: PackingRequest) -> Packing:
    """Have a node of the cluster measure one of its GPUs. Raises RuntimeError with a line on what went wrong."""
    task = ray.remote(num_cpus=1, num_gpus=1, max_retries=0)(_measured_here).remote(request)
    # Not by force, and not where it has ended: Ray 2.60 may crash where a task that just ends is cancelled.
    try:
        packing: Packing = ray.get(task, timeout=_PATIENCE_S)
    except GetTimeoutError:
        ray.cancel(task)
        raise RuntimeError(f"no GPU was free within {_PATIENCE_S:g} s") from None
    except RayError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise RuntimeError(one_line(lines[-1])) from None
    except BaseException:
        ray.cancel(task)
        raise
    return packing


def _measured_here(request: PackingRequest) -> Packing:
    with packing_measured(request) as measured:
        return measured()
