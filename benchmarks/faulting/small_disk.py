"""A run on a file system of its own, in memory, that fills up or becomes read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from benchmarks.faulting.machine import Machine
from benchmarks.faulting.schedule import Fault, Kind
from raysat.files import AnyPath
from tests.helpers.namespaces import init_process, into

_MIB: Final = 64  # of the disk, and by which it is enlarged
_MOUNT: Final = """
set -e
mount --make-rprivate /
mount -t tmpfs -o "size=$2m" small "$1"
echo ready
read -r _ || true
"""


@dataclass
class SmallDisk(Machine):
    """A run on a disk that only its own processes see; they lie in a mount namespace with it."""

    init: int  # a process in that namespace
    mib: int = _MIB

    @property
    @override
    def run(self) -> AnyPath:
        return Path(f"/proc/{self.init}/root{self.out}") / self.study

    @override
    def words(self) -> list[str]:
        return [*into(self.init, "--mount"), *super().words()]

    @override
    def strike(self, fault: Fault) -> bool:
        run = Path(f"{self.out}/{self.study}")
        match fault.kind:
            case Kind.FILL:
                self._fill()
                return True
            case Kind.READ_ONLY:
                if not Path(f"{self.run}").exists():
                    return False
                self._inside("mount", "--bind", run, run)
                try:
                    self._inside("mount", "-o", "remount,bind,ro", run)
                except subprocess.CalledProcessError:  # it is being written to; a moment later perhaps not
                    self._inside("umount", "--lazy", str(run))
                    return False
                return True
            case _:
                return super().strike(fault)

    @override
    def mend(self, fault: Fault) -> None:
        if fault.kind is Kind.FILL:
            self.mib += _MIB
            self._inside("mount", "-o", f"remount,size={self.mib}m", str(self.out))
        else:
            self._inside("umount", "--lazy", f"{self.out}/{self.study}")

    def _fill(self) -> None:
        """Write until there is no space left."""
        ballast = Path(f"{self.run}").parent / f"ballast{self.mib}"
        with suppress(OSError), ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    def _inside(self, *words: object) -> None:
        subprocess.run([*into(self.init, "--mount"), *map(str, words)], check=True, stderr=subprocess.DEVNULL)


@contextmanager
def small_disk(machine: Machine) -> Iterator[SmallDisk]:
    """Have a small disk for what would run on a machine's own. Raises NoHostsError where that cannot be made."""
    out = Path(f"{machine.out}")
    out.mkdir()
    begin = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", _MOUNT]
    with init_process([*begin, "disk", str(out), str(_MIB)]) as init:
        place = SmallDisk(machine.folder, machine.study, machine.space, machine.store, machine.rng, init=init)
        try:
            yield place
        finally:
            place.end()
