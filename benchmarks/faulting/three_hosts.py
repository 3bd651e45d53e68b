"""A run over three hosts with one Ray, in a bucket; its driver, when it is started again, runs on the next node."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from typing_extensions import override

from benchmarks.faulting.bucket import S3, Bucket, s3
from benchmarks.faulting.machine import COUNTING, Machine
from benchmarks.faulting.schedule import Fault, Kind
from tests.helpers.cluster import join, leave, start_ray
from tests.helpers.hosts import Host, hosts
from tests.helpers.namespaces import send_signal
from tests.helpers.object_store import make_bucket
from tests.helpers.paths import ROOT

_COUNT: Final = "/tmp/count"  # noqa: S108  (a host's own)
_DRIVER: Final = "raysat ablate"
_RAYLET: Final = "/raylet/raylet"
_GRACE_S: Final = 3.0  # after SIGTERM to all of a host, until it is gone


@dataclass
class ThreeHosts(Bucket):
    """The first host is the head, the second works from the start, the third when it joins; each has a CPU."""

    hosts: list[Host]
    address: str = ""
    driver_host: Host = field(init=False)  # where the last command runs
    _drivers: int = field(default=0, init=False)
    _begun: list[tuple[str, int]] = field(default_factory=list, init=False)
    _read: list[int] = field(default_factory=lambda: [0, 0, 0], init=False)  # lines of each host
    _cut: dict[Fault, Host] = field(default_factory=dict, init=False)
    _is_lost: bool = field(default=False, init=False)  # the head

    @property
    @override
    def environment(self) -> dict[str, str]:
        return self.s3.environment | {"FAULTS_COUNT": _COUNT, "PYTHONPATH": f"{COUNTING}:{ROOT}"}

    def set_up(self) -> None:
        """Give all hosts the study and its store, and start Ray."""
        for host in self.hosts:
            for path in (self.store, self.space):
                seen = host.folder / path.relative_to("/")
                seen.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if path.is_dir() else shutil.copy)(path, seen)
        self._start_ray()

    def _start_ray(self) -> None:
        for host in self.hosts:
            leave(host)
            shutil.rmtree(host.tmp / "home" / ".ray", ignore_errors=True)
            shutil.rmtree(host.tmp / "ray", ignore_errors=True)
        self.address = start_ray(self.hosts[:2], cpus=(1, 1), environment=self.environment)
        shutil.copytree(self.hosts[0].tmp / "home" / ".ray", self.hosts[2].tmp / "home" / ".ray")
        self._is_lost = False

    @override
    def start(self) -> subprocess.Popen[bytes]:
        if self._is_lost:
            self._start_ray()
        nodes = [host for host in self.hosts if host.processes(_RAYLET)]  # a driver needs Ray on its own machine
        self.driver_host = nodes[self._drivers % len(nodes)]
        self._drivers += 1
        with (self.folder / "printed").open("wb") as output:
            words = ["raysat", *super().words()[3:], "--address", self.address]
            process = self.driver_host.start(*words, environment=self.environment, stdout=output)
        return cast(subprocess.Popen[bytes], process)  # nobody reads from it

    def drive_from(self, host: Host) -> None:
        """Start the next command there."""
        self._drivers = self.hosts.index(host)

    def begun_on(self, host: Host) -> list[str]:
        """The epochs that were begun on a host, in order: the states that they lead to."""
        return [name for name, _ in _counted(host)]

    @override
    def begun(self) -> list[tuple[str, int]]:
        for index, host in enumerate(self.hosts):
            counted = _counted(host)
            self._begun += counted[self._read[index] :]
            self._read[index] = len(counted)
        return self._begun

    @override
    def strike(self, fault: Fault) -> bool:
        head, *others = self.hosts
        host = next((host for host in others if host.processes(_RAYLET)), others[0])  # one that works
        match fault.kind, fault.target:
            case _, "driver":
                return self.driver_host.kill(_DRIVER, _signal(fault)) > 0
            case _, "slot":
                slots = [pid for each in self.hosts for pid in each.processes("ray::raysat ")]
                for pid in [self.rng.choice(slots)] if slots else ():
                    send_signal(pid, _signal(fault))
                return bool(slots)
            case _, "GCS":
                self._is_lost = True
                return head.kill("gcs_server") > 0
            case _, "raylet":
                return host.kill(_RAYLET) > 0
            case Kind.KILL, "machine":
                return _lose(host)
            case Kind.TERM, "machine":  # a notice, and the end
                return _take_away(host)
            case Kind.CUT, "machine":
                host.cut()
            case Kind.CUT, "link":
                host.cut(head)
            case Kind.LEAVE, "machine":
                return host.kill(_RAYLET, signal.SIGTERM) > 0
            case Kind.JOIN, "machine":
                away = next((host for host in reversed(others) if not host.processes(_RAYLET)), None)
                return away is not None and self.join(away)
            case _:
                return super().strike(fault)
        self._cut[fault] = host
        return True

    @override
    def mend(self, fault: Fault) -> None:
        if fault not in self._cut:
            super().mend(fault)
        elif fault.target == "machine":
            self._cut.pop(fault).mend()
        else:
            self._cut.pop(fault).mend(self.hosts[0])

    def join(self, host: Host) -> bool:
        """Have a host join that is away."""
        join(host, self.address, cpus=1, environment=self.environment)
        return True

    @override
    def end(self) -> None:
        for host in self.hosts:  # all else ends with them
            host.kill(_DRIVER)

    @override
    def left(self) -> list[int]:
        return self.driver_host.processes(_DRIVER)


def _counted(host: Host) -> list[tuple[str, int]]:
    file = host.tmp / "count"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [(name, int(images)) for name, images in map(str.split, lines)]


def _take_away(host: Host) -> bool:
    found = host.kill("ray::", signal.SIGTERM) + host.kill(_RAYLET, signal.SIGTERM)
    host.kill(_DRIVER, signal.SIGTERM)
    time.sleep(_GRACE_S)
    return _lose(host) or found > 0


def _lose(host: Host) -> bool:
    """End a host's processes at once, as if it had no power any more."""
    return host.kill(_DRIVER) + leave(host) > 0


def _signal(fault: Fault) -> signal.Signals:
    return signal.SIGKILL if fault.kind is Kind.KILL else signal.SIGTERM


@contextmanager
def three_hosts(machine: Machine) -> Iterator[ThreeHosts]:
    """Have three hosts and a bucket for what would run on a machine. Raises NoHostsError where that cannot be made."""
    with ExitStack() as stack:
        made = stack.enter_context(hosts(machine.folder / "hosts"))
        server: S3 = stack.enter_context(s3(machine.rng.randrange(1 << 30), switch=made[0].switch))
        stack.enter_context(server.found_here())
        fields = (machine.folder, machine.study, machine.space, machine.store, machine.rng)
        place = ThreeHosts(*fields, s3=server, bucket=make_bucket(server.here), hosts=made)
        place.set_up()
        yield place
