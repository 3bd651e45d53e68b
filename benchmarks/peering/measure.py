"""Runs a command to its end and says how long it took, and how much memory all its processes had together at most."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_MARK: Final = "RAYSAT_PEER"  # in the environment of a command and of all that it starts, daemons too
_EVERY: Final = 1.0  # seconds


def run(words: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak in MB. Ends this process where the command fails."""
    mark = f"{_MARK}={uuid.uuid4()}"
    own = {**os.environ, **environment, _MARK: mark.partition("=")[2]}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        began, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(words, env=own, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        while True:
            try:
                process.wait(_EVERY)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, sum(map(_megabytes, _marked(mark.encode()))))
        seconds = time.perf_counter() - began
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(words)} ended with {process.returncode}:\n{output.read()[-3000:]}")
    return seconds, peak


def _marked(mark: bytes) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                yield folder
        except OSError:  # it has ended, or is somebody else's
            continue


def _megabytes(folder: Path) -> float:
    """Memory of a process, its part of what it shares with others."""
    try:
        lines = (folder / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
