"""Runs the benchmarks of speed one after the other, and writes RESULTS.md: machine, versions, date, tables.

    pip install -c constraints.txt '.[bench]'
    python benchmarks/run.py [--quick] [--out benchmarks/RESULTS.md]

Whatever else the machine does meanwhile is in the figures: ratios of one table are of one run, and to be trusted more
than seconds. ``--quick`` is small: what takes a command some seconds to start weighs more there than in a study.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import torch

from raysat.formatting import duration

HERE: Final = Path(__file__).parent
SCRIPTS: Final = {
    "peers.py": "The same study by raysat and by its peers",
    "loop.py": "The loop over its steps, and AugMix",
    "full_size.py": "Full size",
    "startup.py": "Start-up",
    "gpu.py": "Steps on a GPU",
}
PACKAGES: Final = ("raysat", "torch", "ray", "timm", "numpy", "lightning", "torchgeo")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--smallest", action="store_true", help="tiny, for the test")
    parser.add_argument("--only", action="append", choices=list(SCRIPTS))
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    given = parser.parse_args()
    began, failed, parts = time.monotonic(), False, [f"# Results\n\n{machine()}\n"]
    usual = [script for script in SCRIPTS if script != "gpu.py" or torch.cuda.is_available()]
    for script in given.only or usual:
        words = [script, *size(script, quick=given.quick, smallest=given.smallest)]
        print(f"{' '.join(words)} ...", flush=True)
        began_script = time.monotonic()
        command = [sys.executable, str(HERE / script), *words[1:]]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
        failed = failed or bool(done.returncode)
        taken = duration(time.monotonic() - began_script)
        print(done.stdout, flush=True)
        title = f"## {SCRIPTS[script]}\n\n`python benchmarks/{' '.join(words)}`, {taken}"
        parts.append(f"{title}\n\n" + "\n".join(spaced(done.stdout.splitlines())) + "\n")
        given.out.write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {given.out}, after {duration(time.monotonic() - began)}")
    return int(failed)


def size(script: str, *, quick: bool, smallest: bool) -> list[str]:
    """The option that says how large a script runs; on the CPU ``gpu.py`` only checks itself."""
    if quick or (script == "gpu.py" and not torch.cuda.is_available()):
        return ["--quick"]
    return ["--smallest"] if smallest and script != "gpu.py" else []


def machine() -> str:
    """The machine, its software and the day."""
    names = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    card = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", no GPU"
    versions = ", ".join(f"{package} {found}" for package in PACKAGES if (found := _version(package)))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} x {next(names, platform.machine())}, {memory:.0f} GiB{card}; "
        f"Python {platform.python_version()}, {versions}. By `python benchmarks/run.py`; n is in the tables."
    )


def spaced(lines: Iterable[str]) -> Iterator[str]:
    """Lines with an empty one between text and tables, as Markdown wants it; each line of text its own paragraph."""
    before = ""
    for line in lines:
        if before and line and not (before.startswith("|") and line.startswith("|")):
            yield ""
        yield line
        before = line


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ModuleNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
