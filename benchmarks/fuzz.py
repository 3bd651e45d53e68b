"""Broken files by the million: each must be read, or refused by one clear error; nothing else.

    python benchmarks/fuzz.py --cases 1000000 [--seed 0] [--workers 2]
    python benchmarks/fuzz.py --reader study --case 1234        # one case again, with its traceback

A case is one whole file with something broken in it, written where it belongs and read by what reads it in raysat. Its
number and the seed make it again. A failure is an exception that is none of raysat's own, a message that is no single
printable line of bounded length, more than ``PATIENCE`` seconds, more than ``MEMORY`` bytes, a file made or removed, or
a mark that only code hidden in the file can have made. Prints counts by reader; exit code 1 where one case failed.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))  # the builders of files that tests use too

from fuzzing.readers import READERS, Reader, make_world, seal

from raysat.errors import RaysatError, TrainingError

PATIENCE: Final = 10.0  # seconds for a file that is a few kilobytes
MEMORY: Final = 8 << 30  # bytes of address space, libraries included
LONGEST: Final = 600  # characters of a message
BATCH: Final = 500  # cases in a row of one process


class Slow(BaseException):
    """A reader takes too long; no ``except Exception`` holds it up."""


@dataclass(slots=True)
class Outcome:
    """What became of some cases of a reader."""

    reader: str
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    failures: dict[str, list[int]] = field(default_factory=dict)  # cases, by what happened


class World:
    """A folder with one whole file of each kind, in which one at a time is broken."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        make_world(folder)
        for reader in READERS:
            reader.read(folder)  # what is whole is read
        self._mark = folder / "MARK"
        self._names = self._listing()

    def case(self, reader: Reader, number: int) -> bytes:
        """The broken file of a case."""
        rng = random.Random(f"{self._seed} {reader.name} {number}")
        whole = (self._folder / reader.file).read_bytes()
        return reader.mutate(rng, whole).replace(b"MARK", str(self._mark).encode())

    def run(self, reader: Reader, number: int) -> str | None:
        """Run a case; returns the kind of RaysatError that refused it, or None where it was read."""
        file, sums = self._folder / reader.file, (self._folder / reader.file).parent / "SHA256SUMS"
        whole, broken = file.read_bytes(), self.case(reader, number)
        whole_sums = sums.read_bytes() if reader.sealed else b""
        try:
            file.write_bytes(broken)
            if reader.sealed and number % 2:
                seal(file)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            try:
                reader.read(self._folder)
            except RaysatError as error:
                self._check(error)
                return type(error).__name__
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            return None
        finally:
            file.write_bytes(whole)
            if reader.sealed:
                sums.write_bytes(whole_sums)

    def check_names(self) -> None:
        """Raise where a file was made or removed."""
        if changed := self._listing() ^ self._names:
            raise AssertionError(f"files were made or removed: {', '.join(changed)}")

    def _listing(self) -> frozenset[str]:
        return frozenset(str(file) for file in self._folder.rglob("*"))

    def _check(self, error: RaysatError) -> None:
        for text in (error.message, error.hint or ""):
            if not text.isprintable() or len(text) > LONGEST:
                raise AssertionError(f"a message of {len(text)} characters: {text[:80]!r}") from error
        if error.exit_code not in (2, 3) and not isinstance(
            error, TrainingError
        ):  # of a checkpoint, which is made anew
            raise AssertionError(f"exit code {error.exit_code}: {error}") from error


def _give_up(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Slow(f"no answer within {PATIENCE:g} s")


_world: World | None = None


def start(seed: int) -> World:
    """Make a process ready to run cases."""
    global _world  # noqa: PLW0603  (one a process)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _give_up)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _world = World(Path(tempfile.mkdtemp(prefix="raysat-fuzz-", dir=os.environ["RAYSAT_FUZZ"])), seed)
    return _world


def run_batch(index: int, first: int, count: int) -> Outcome:
    """Run some cases of a reader in a row."""
    if _world is None:
        raise RuntimeError("start() first")
    reader = READERS[index]
    outcome, began, last = Outcome(reader.name), time.perf_counter(), first + count - 1
    for number in range(first, first + count):
        try:
            refused = _world.run(reader, number)
            if number == last:
                _world.check_names()
        except (Exception, Slow) as error:  # noqa: BLE001  (to count them is the purpose)
            outcome.failures.setdefault(_told(error), []).append(number)
        else:
            outcome.refused += refused is not None
            outcome.read += refused is None
    outcome.seconds = time.perf_counter() - began
    return outcome


def _told(error: BaseException) -> str:
    """An exception and the last place of raysat that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if "/raysat/" in frame.filename]
    place = f"{Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else "?"
    return f"{type(error).__name__} at {place}: {str(error)[:100]!r}"


def batches(cases: int) -> Iterator[tuple[int, int, int]]:
    """Share the cases among the readers: reader, number of the first case, how many."""
    whole = sum(reader.share for reader in READERS)
    wanted = [cases * reader.share // whole for reader in READERS]
    wanted[0] += cases - sum(wanted)
    for index, count in enumerate(wanted):
        for first in range(0, count, BATCH):
            yield index, first, min(BATCH, count - first)


def main() -> int:
    """Run the cases and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--reader", choices=[reader.name for reader in READERS])
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RAYSAT_FUZZ"], os.environ["RAYSAT_CACHE"] = folder, f"{folder}/cache"
        if options.case is not None:
            return _again(options.seed, options.reader, options.case)
        return _all(options)


def _again(seed: int, name: str, number: int) -> int:
    reader = next(reader for reader in READERS if reader.name == name)
    world = start(seed)
    print(repr(world.case(reader, number)[:2000]))
    print(world.run(reader, number) or "read")
    return 0


def _all(options: argparse.Namespace) -> int:
    chosen = [batch for batch in batches(options.cases) if options.reader in (None, READERS[batch[0]].name)]
    totals = {reader.name: Outcome(reader.name) for reader in READERS}
    began, done = time.perf_counter(), 0
    with ProcessPoolExecutor(options.workers, get_context("spawn"), start, (options.seed,)) as pool:
        for outcome in pool.map(run_batch, *zip(*chosen, strict=True)):
            total = totals[outcome.reader]
            total.read, total.refused = total.read + outcome.read, total.refused + outcome.refused
            total.seconds += outcome.seconds
            for told, numbers in outcome.failures.items():
                total.failures.setdefault(told, []).extend(numbers)
            done += outcome.read + outcome.refused + sum(map(len, outcome.failures.values()))
            print(f"{done:,} cases, {time.perf_counter() - began:,.0f} s", end="\r", file=sys.stderr)
    print(f"{'reader':<14}{'cases':>10}{'read':>10}{'refused':>10}{'failures':>10}{'ms a case':>11}")
    sums = Counter[str]()
    for total in totals.values():
        failed = sum(map(len, total.failures.values()))
        cases = total.read + total.refused + failed
        if cases:
            _print_row(total.reader, cases, total.read, total.refused, failed, total.seconds)
            sums.update(cases=cases, read=total.read, refused=total.refused, failed=failed)
    _print_row("all", sums["cases"], sums["read"], sums["refused"], sums["failed"], time.perf_counter() - began)
    print(f"seed {options.seed}, {options.workers} processes, {time.perf_counter() - began:,.0f} s")
    for total in totals.values():
        for told, numbers in sorted(total.failures.items(), key=lambda item: -len(item[1])):
            print(f"{total.reader}: {len(numbers)} times {told}; case {numbers[0]}")
    return int(sums["failed"] > 0)


def _print_row(name: str, cases: int, read: int, refused: int, failed: int, seconds: float) -> None:
    print(f"{name:<14}{cases:>10,}{read:>10,}{refused:>10,}{failed:>10,}{1000 * seconds / cases:>11.2f}")


if __name__ == "__main__":
    sys.exit(main())
