"""Runs commands, each in a fresh process, and says what they took: seconds of user and system, wall, memory, lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling.made import STUDY


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a process took. The caller must be small: a child's peak of memory is never below its parent's size."""

    cpu: float  # seconds, user and system
    wall: float
    megabytes: float  # at its peak
    lines: int  # printed


def measure(*words: str) -> Taken:
    """Run Python with these words to its end. Ends this process where that fails."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen([sys.executable, *words], stdout=output)  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}:\n{printed[-2000:]}")
    return Taken(
        cpu=used.ru_utime + used.ru_stime,
        wall=time.perf_counter() - began,
        megabytes=used.ru_maxrss / 1024,
        lines=printed.count("\n"),
    )


def of_run(folder: Path, arms: int, seeds: int, *, report: bool) -> Iterator[tuple[str, Taken]]:
    """Measure the commands on a run that is made for it, one after the other.

    Args:
        folder: where to make it.
        arms: of the study.
        seeds: of each arm.
        report: report it too.

    Yields:
        Name of a command, and what it took.
    """
    measure("-m", "scaling.made", str(folder), str(arms), str(seeds))
    out = folder / f"{arms}x{seeds}"
    study = ("--space", f"{out}.yaml", "--data", str(folder / "store"), "--out", str(out))
    run = str(out / STUDY)
    yield "status, first", raysat("status", run)
    yield "status", raysat("status", run)
    yield "plan, all done", raysat("plan", *study)
    yield "ledger verify", raysat("ledger", "verify", run)
    yield "ablate, nothing to do, first", raysat("ablate", *study)
    yield "ablate, nothing to do", raysat("ablate", *study)
    if report:
        yield "report", raysat("report", run, "--out", str(out / "report"))


def of_plan(folder: Path, arms: int, seeds: int) -> Taken:
    """Measure ``raysat plan`` of a study of which nothing is trained."""
    measure("-m", "scaling.made", str(folder), str(arms), str(seeds), "--no-records")
    space = str(folder / f"{arms}x{seeds}.yaml")
    return raysat("plan", "--space", space, "--data", str(folder / "store"), "--out", str(folder / "empty"))


def raysat(*words: str) -> Taken:
    """Measure a command of raysat."""
    return measure("-m", "raysat", *words)


def of_driver(folder: Path, *, slots: int, trials: int) -> dict[str, float]:
    """Drive so many simulated slots through so many trials (``scheduler.py``)."""
    seeds = min(10, trials // 4)
    arms = trials // seeds
    measure("-m", "scaling.made", str(folder), str(arms), str(seeds), "--no-records")
    words = [f"{folder / f'{arms}x{seeds}'}.yaml", folder / "store", folder / f"{slots}slots", slots, trials]
    command = [sys.executable, "-m", "scaling.scheduler", *map(str, words)]
    driven: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603
    return driven


def benchmark(script: str) -> str:
    """Run another benchmark, where it is there; returns what it prints."""
    file = Path(__file__).parents[1] / script
    if not file.exists():
        return f"{script} is not there"
    return subprocess.run([sys.executable, str(file)], check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
