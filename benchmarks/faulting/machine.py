"""A run on this machine, as a user starts it, and what befalls its processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.faulting.schedule import NEXT_DRIVER, Fault, Kind, Study
from raysat.files import AnyPath
from tests.helpers.paths import ROOT
from tests.helpers.processes import command, descendants, marked

COUNTING: Final = ROOT / "benchmarks" / "faulting" / "counting"
SLOTS: Final = 2  # trials at a time
_SIGNALS: Final = {Kind.KILL: signal.SIGKILL, Kind.TERM: signal.SIGTERM}
_PARTS: Final = {"slot": "ray::raysat ", "raylet": "/raylet/raylet", "GCS": "/gcs/gcs_server"}
_MOVED_S: Final = 3_000_000  # by which clocks are moved: five weeks
_RAYSAT: Final = (sys.executable, "-m", "raysat", "ablate")
# Those that count from the start of the machine, by which processes measure how long something takes.
_MOVED_CLOCKS: Final = (
    *("unshare", "--user", "--map-root-user", "--time", "--fork", "--kill-child"),
    *("--monotonic", str(_MOVED_S), "--boottime", str(_MOVED_S)),
)
_GONE_S: Final = 20.0  # for what a killed command started to be gone


@dataclass
class Machine:
    """A run whose files lie on this machine's disk."""

    folder: Path  # its own
    study: Study
    space: Path
    store: Path
    rng: random.Random
    command: subprocess.Popen[bytes] | None = field(default=None, init=False)
    clock_is_moved: bool = field(default=False, init=False)  # for the commands that are started from now on
    more_words: list[str] = field(default_factory=list, init=False)  # of the command

    @property
    def out(self) -> AnyPath:
        """Where runs go."""
        return self.folder / "runs"

    @property
    def run(self) -> AnyPath:
        """The run's folder, as it is seen from here."""
        return self.out / self.study

    @property
    def environment(self) -> dict[str, str]:
        """What the run's processes are given."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        return own | {
            "FAULTS_COUNT": str(self.folder / "count"),
            "PYTHONPATH": f"{COUNTING}{os.pathsep}{ROOT}",
            "TMPDIR": str(self.folder / "tmp"),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    def words(self) -> list[str]:
        """The command."""
        options: dict[str, object] = {"space": self.space, "data": self.store, "out": self.out, "max-concurrent": SLOTS}
        options |= {"cpus-per-trial": 1, "checkpoint-every": "1epoch"}
        return [
            *(_MOVED_CLOCKS if self.clock_is_moved else ()),
            *_RAYSAT,
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
            *self.more_words,
        ]

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command; what it prints goes to a file, which ``printed`` reads."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        with (self.folder / "printed").open("wb") as output:
            self.command = subprocess.Popen(
                self.words(), stdout=output, stderr=subprocess.STDOUT, env=self.environment, start_new_session=True
            )
        return self.command

    def printed(self) -> str:
        """What the last command printed."""
        return (self.folder / "printed").read_text(encoding="utf-8", errors="replace")

    def begun(self) -> list[tuple[str, int]]:
        """The epochs that were begun, in order: the states that they lead to, and their images."""
        lines = [line.split() for line in _text(self.folder / "count").splitlines()]
        return [(name, int(images)) for name, images in lines]

    def strike(self, fault: Fault) -> bool:
        """Have a fault happen; whether there was something that it could befall."""
        if fault.kind is Kind.CLOCK:
            return self._move_clock(fault.target)
        pids = self._targets(fault.target)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, _SIGNALS[fault.kind])
        return bool(pids)

    def mend(self, fault: Fault) -> None:
        """Undo a fault that lasts."""

    def end(self) -> None:
        """End whatever still runs."""
        for pid in self.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def left(self) -> list[int]:
        """The processes of the run that still run."""
        return marked(f"FAULTS_COUNT={self.folder}")

    def await_end(self) -> list[int]:
        """Wait for all processes of a command that ended to end; return those that do not."""
        deadline = time.monotonic() + _GONE_S
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def _targets(self, target: str) -> list[int]:
        assert self.command is not None
        below = descendants(self.command.pid)
        driver = [pid for pid in below if command(pid).startswith(" ".join(_RAYSAT))]
        match target:
            case "driver":
                return driver
            case "group":  # of processes, as a closed terminal ends it
                return [pid for pid in below if _group(pid) == self.command.pid]
            case "machine":
                return self.left()
        found = sorted(pid for pid in below if _PARTS[target] in command(pid))
        return [self.rng.choice(found)] if found else []

    def _move_clock(self, which: str) -> bool:
        """Move the times of all files of the run; or have the driver die and those that follow count from elsewhere."""
        if which == NEXT_DRIVER:
            self.clock_is_moved = True
            return self.strike(Fault(kind=Kind.KILL, target="driver", epochs=0, delay=0.0))
        moved = time.time() + (_MOVED_S if which == "files ahead" else -_MOVED_S)
        files = list(Path(f"{self.run}").rglob("*"))
        for file in files:
            with suppress(FileNotFoundError):
                os.utime(file, (moved, moved), follow_symlinks=False)
        return bool(files)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
