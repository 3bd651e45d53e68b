"""What droughtwatch's full size takes: 86,317 + 10,778 patches, both tables of the paper, five seeds.

    python benchmarks/full_size.py                 # at full size: 5 GB of disk, half an hour on two CPU cores
    python benchmarks/full_size.py --quick         # at a hundredth and a fiftieth of it, to see how each part grows
    python benchmarks/full_size.py --rate 45000    # what the whole would take at so many image views a second

Synthetic patches stand in for the real ones, as TFRecord parts of their shape. Each part of the work runs in a
process of its own: import, ``plan``, a driver of ``ablate`` that is stopped once its first job trains, some steps and
a batch of evaluation of each arm, and a report on made-up predictions for all val patches. What the whole would take
follows from the steps and the image views that are left after sharing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import report
from full_sizing.standin import FULL, VAL
from scaling.commands import Taken, measure, raysat

from raysat.data.store import PatchStore
from raysat.formatting import data_size, duration
from raysat.planning.build import Plan, make_plan
from raysat.planning.stages import train_jobs
from raysat.study.load import load_study

HERE: Final = Path(__file__).parent
SPACES: Final = tuple(HERE.parent / "search_spaces" / f"table{number}.yaml" for number in (1, 2))
SEEDS: Final = 5
QUICK: Final = (FULL // 100, FULL // 50)
SMALLEST: Final = (120, 240)
MOST_DRIVER_MB: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One size."""

    parts: dict[str, Taken]
    written: dict[str, int]  # bytes, by part
    rates: dict[str, dict[str, float]]  # patches a second by table and arm: "train", "evaluate"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--smallest", action="store_true", help="tiny, with a tiny network, for the test")
    parser.add_argument("--rate", type=float, default=45_000.0, help="image views a second")
    given = parser.parse_args()
    sizes = SMALLEST if given.smallest else QUICK if given.quick else (FULL,)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as jobs in the background are begun; drivers are to hear it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="raysat-full-") as work:
        found = {}
        for size in sizes:
            folder = Path(work) / str(size)
            folder.mkdir()
            found[size] = measured(folder, size, last=size == sizes[-1], tiny=given.smallest)
        print("\n".join(table(found)))
        print("\n".join(projection(Path(work) / str(sizes[-1]), sizes[-1], found[sizes[-1]].rates, given.rate)))
    too_much = [size for size in found if found[size].parts["ablate, driver"].megabytes > MOST_DRIVER_MB]
    return 1 if too_much else 0


def measured(folder: Path, size: int, *, last: bool, tiny: bool) -> Measured:
    """Do every part at one size; the steps at the last size alone, since they do not depend on it."""
    source, store = folder / "source", folder / "store"
    spaces = [own_space(folder, space, tiny=tiny) for space in SPACES]
    parts = {"write the stand-in": measure("-m", "full_sizing.standin", str(source), str(size))}
    parts["data import"] = raysat("data", "import", "droughtwatch", str(source), "--out", str(store))
    where = ("--data", str(store), "--out", str(folder / "runs"))
    for space in spaces:
        parts[f"plan {space.stem}"] = raysat("plan", "--space", str(space), *where)
    parts["ablate, driver"] = driver("ablate", "--space", str(spaces[1]), *where)
    written = {"write the stand-in": size_of(source), "data import": size_of(store)}
    rates: dict[str, dict[str, float]] = {}
    if last:
        results = folder / "rates.json"
        words = ("-m", "full_sizing.steps", str(store), str(results), *map(str, spaces))
        parts["steps of each arm"] = measure(*words, *(["--all-arms"] if size == FULL else []))
        rates = json.loads(results.read_text(encoding="utf-8"))
    patches = round(size * VAL)
    arms = report.make_run(folder / "made" / "run", seeds=SEEDS, patches=patches, most=16 if size == FULL else 4)
    parts[f"report, {arms} arms"] = raysat(
        "report", str(folder / "made" / "run"), "--out", str(folder / "made" / "report")
    )
    written[f"report, {arms} arms"] = size_of(folder / "made" / "report")
    return Measured(parts=parts, written=written, rates=rates)


def own_space(folder: Path, space: Path, *, tiny: bool) -> Path:
    """A table with five seeds; for the test with a network of a test's size."""
    text = re.sub(r"(?m)^seeds: .*$", f"seeds: {SEEDS}", space.read_text(encoding="utf-8"))
    for name in ("resnet18", "resnet50", "efficientnet_b4") if tiny else ():
        text = text.replace(f"name: {name}", "name: test_resnet")
    made = folder / space.name
    made.write_text(text, encoding="utf-8")
    return made


def driver(*words: str) -> Taken:
    """Run a command until its first job has trained for some seconds, and stop it: what its own process took."""
    began = time.perf_counter()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as output:
        printed = partial(Path(output.name).read_text, encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-m", "raysat", *words], stdout=output, stderr=output)  # noqa: S603
        until = time.monotonic() + 300
        while time.monotonic() < until and not _has_ended(process) and "at a time" not in printed():
            time.sleep(0.2)
        time.sleep(3)  # its workers read the store
        if "at a time" not in printed():
            process.kill()
            sys.exit(f"{' '.join(words)} did not come to train:\n{printed()[-2000:]}")
        megabytes = peak(process.pid)
        process.send_signal(signal.SIGINT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        lines = printed().splitlines()
    if process.returncode not in (0, 130):
        sys.exit("\n".join([f"{' '.join(words)} ended with {process.returncode}:", *lines[-20:]]))
    return Taken(
        cpu=used.ru_utime + used.ru_stime,
        wall=time.perf_counter() - began,
        megabytes=megabytes,
        lines=len(lines),
    )


def peak(process: int) -> float:
    """The most memory that a process has had so far, in MB; none of its children."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def table(found: dict[int, Measured]) -> list[str]:
    """Seconds, memory and bytes of each part; at two sizes also how they grow."""
    small, large = min(found), max(found)
    growth = f" x{large / small:.1f} patches |" if small < large else ""
    lines = [f"| {large:,} patches, n = 1 | wall, s | CPU, s | peak, MB | written |{growth}"]
    lines.append("|---|---|---|---|---|" + ("---|" if growth else ""))
    for name, taken in found[large].parts.items():
        written = found[large].written.get(name)
        cells = [name, f"{taken.wall:.1f}", f"{taken.cpu:.1f}", f"{taken.megabytes:,.0f}"]
        cells.append(data_size(written) if written else "")
        if growth:
            before = found[small].parts.get(name)
            cells.append(grows(before, taken) if before else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def grows(before: Taken, after: Taken) -> str:
    return f"x{after.cpu / before.cpu:.1f} CPU, x{after.megabytes / before.megabytes:.1f} memory"


def projection(folder: Path, size: int, rates: dict[str, dict[str, float]], rate: float) -> list[str]:
    """What both tables would take at full size, from the steps measured here and at a given rate."""
    opened, lines = (
        PatchStore.open(folder / "store"),
        ["", "| full size, five seeds | image views | one after another, here |", "|---|---|---|"],
    )
    views, seconds = 0.0, 0.0
    for space in SPACES:
        plan = make_plan(load_study(folder / space.name), opened)
        own_views, own_seconds = whole(plan, rates, FULL / size)
        lines.append(f"| {space.stem} | {own_views / 1e6:.1f} million | {duration(own_seconds)} |")
        views, seconds = views + own_views, seconds + own_seconds
    lines.append(
        f"| both | {views / 1e6:.1f} million | {duration(seconds)}; at {rate:,.0f} views/s {duration(views / rate)} |"
    )
    return lines


def whole(plan: Plan, rates: dict[str, dict[str, float]], times: float) -> tuple[float, float]:
    """Image views of a plan after sharing; seconds for these and for validation, one job after another."""
    arm_of = {trial: arm for arm, seeds in plan.trial_ids.items() for trial in seeds.values()}
    held_out, views, seconds = FULL * VAL, 0.0, 0.0
    for job in train_jobs(plan.trials):
        last = job.trials[-1]
        rate, own = rates[f"{plan.study.name} {arm_of[last.id]}"], job.samples_seen * times
        views += own
        seconds += own / (rate["train"] * last.trial.config.forward_passes)
        seconds += (last.epochs - job.start_epoch) * held_out / rate["evaluate"]
    return views, seconds


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended; what it took is still to be asked for."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


if __name__ == "__main__":
    sys.exit(main())
