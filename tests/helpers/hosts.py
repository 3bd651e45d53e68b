"""Hosts: machines that share nothing but the source and Python, made of Linux namespaces on this one, without root.

    with hosts(folder) as (first, second, third):
        first.run("raysat", "status", "runs/study")        # waits; first.start(...) does not
        second.kill("raylet")                              # by a part of a process's name and arguments
        second.cut()                                       # its cable is out; second.cut(third): those two alone
        second.mend()

All hosts lie in a user namespace of the caller's own, each with a network (a card on a common switch), process ids,
a name, ``/tmp``, ``/var/tmp``, ``/dev/shm`` and a home of its own. ``host.tmp`` is its ``/tmp`` as the caller sees it.

They are gone when the block ends, with every process on them, and when the caller is killed: the switch ends when the
pipe from its caller closes, and the kernel ends what runs in the namespaces of a process that ends.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.helpers.namespaces import (
    ENVIRONMENT,
    FRESH,
    PATH,
    NoHostsError,
    init_process,
    into,
    process_namespace,
    send_signal,
)
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import command, descendants

NO_HOSTS: Final = "RAYSAT_NO_HOSTS"
_TOOLS: Final = ("unshare", "nsenter", "ip")
_HIDDEN: Final = ("/tmp", "/var/tmp")  # noqa: S108  (a host has its own)
_SWITCH: Final = """
set -e
ip link set lo up
ip link add switch type bridge
ip addr add 10.77.0.254/24 dev switch
ip link set switch up
echo ready
read -r _ || true
"""
_HOST: Final = """
set -e
hostname "host$1"
folder=$2
shift 2
mount -t proc proc /proc
mount -t tmpfs tmpfs /dev/shm
mount --bind "$folder/names" /etc/hosts
for needed; do mkdir -p "$folder$needed"; mount --rbind "$needed" "$folder$needed"; done
mount --rbind "$folder/var/tmp" /var/tmp
mount --rbind "$folder/tmp" /tmp
ip link set lo up
cd /tmp/home
echo ready
read -r _ || true
"""
_CABLE: Final = """
set -e
ip link add "port$1" type veth peer name eth0 netns "$2"
ip link set "port$1" master switch up
"""
_CARD: Final = """
set -e
ip addr add "$1/24" dev eth0
ip link set eth0 up
ip route add default via 10.77.0.254
"""
_NOBODY: Final = "02:00:00:00:00:ff"  # a card that no host has: what is sent there is lost, as in a cut network


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine of its own, as far as programs can tell."""

    number: int
    folder: Path
    init: int  # process id, as the caller sees it, of what all processes of the host end with
    switch: int

    @property
    def address(self) -> str:
        """In the network of the hosts."""
        return f"10.77.0.{self.number}"

    @property
    def tmp(self) -> Path:
        """Its ``/tmp``, as the caller sees it."""
        return self.folder / "tmp"

    def start(
        self, *words: object, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Begin a command in the host's home.

        Args:
            words: of the command; its first is looked up in the environment of Python, too.
            environment: variables beside those of the host.
            options: of ``Popen``.

        Returns:
            The process that waits for it and returns its exit code; to end the command, ``kill`` it on its host.
        """
        return subprocess.Popen(
            [*into(self.init), *map(str, words)],
            env={**ENVIRONMENT, **(environment or {})},
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options,
        )

    def run(self, *words: object, timeout: float = PATIENCE_S, **options: Any) -> str:
        """Run a command to its end; return what it printed. Raises AssertionError where it fails.

        Args:
            words: of the command.
            timeout: seconds, after which the host's processes of it are killed.
            options: as of ``start``.

        Returns:
            What it printed, errors among it.
        """
        process = self.start(*words, **options)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            for pid in descendants(process.pid) - {process.pid}:
                send_signal(pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise AssertionError(f"{words} took more than {timeout} s:\n{output}") from None
        assert process.returncode == 0, f"{words} ended with {process.returncode}:\n{output}"
        return output

    def processes(self, text: str = "") -> list[int]:
        """The process ids, as the caller sees them, of what runs on the host with a text in its command line."""
        here = process_namespace(self.init)
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        lines = {pid: command(pid) for pid in pids if pid != self.init}
        return [pid for pid, line in lines.items() if line and text in line and process_namespace(pid) == here]

    def kill(self, text: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to each process with a text in its command line; return how many there were."""
        found = self.processes(text)
        for pid in found:
            send_signal(pid, how)
        return len(found)

    def cut(self, other: Host | None = None) -> None:
        """Cut the host's network, or that between it and another host alone; nobody is told."""
        if other is None:
            self._at_switch("ip", "link", "set", f"port{self.number}", "down")
            return
        for one, two in ((self, other), (other, self)):
            one.run("ip", "neigh", "replace", two.address, "lladdr", _NOBODY, "dev", "eth0", "nud", "permanent")

    def mend(self, other: Host | None = None) -> None:
        """Undo ``cut``."""
        if other is None:
            self._at_switch("ip", "link", "set", f"port{self.number}", "up")
            return
        for one, two in ((self, other), (other, self)):
            one.run("ip", "neigh", "del", two.address, "dev", "eth0")

    def _at_switch(self, *words: str) -> None:
        # Into its network alone: process ids then mean what they mean to the caller.
        subprocess.run([*into(self.switch, "--net"), *words], check=True, env=ENVIRONMENT)


@contextmanager
def hosts(folder: Path, count: int = 3) -> Iterator[list[Host]]:
    """Have some hosts on a switch.

    Args:
        folder: an empty one; each host's files lie in a folder of it.
        count: how many.

    Yields:
        The hosts; their numbers count from 1.

    Raises:
        NoHostsError: namespaces cannot be made here.
    """
    if missing := [tool for tool in _TOOLS if shutil.which(tool, path=PATH) is None]:
        raise NoHostsError(f"this machine lacks {', '.join(missing)} (Linux: util-linux and iproute2)")
    with ExitStack() as stack:
        begin = ["unshare", "--user", "--map-root-user", *FRESH, "--mount-proc", "bash", "-c", _SWITCH]
        switch = stack.enter_context(init_process(begin))
        yield [stack.enter_context(_host(folder, number, count, switch)) for number in range(1, count + 1)]


@contextmanager
def _host(parent: Path, number: int, count: int, switch: int) -> Iterator[Host]:
    folder = parent / f"host{number}"
    (folder / "tmp" / "home").mkdir(parents=True)
    (folder / "var" / "tmp").mkdir(parents=True)
    names = ["127.0.0.1 localhost", *(f"10.77.0.{each} host{each}" for each in range(1, count + 1))]
    (folder / "names").write_text("\n".join(names) + "\n", encoding="utf-8")
    needed = {str(path) for path in (ROOT, sys.prefix, sys.base_prefix) if str(path).startswith(_HIDDEN)}
    begin = [*into(switch), "unshare", *FRESH, "bash", "-c", _HOST, "host", str(number), str(folder), *needed]
    with init_process(begin) as init:
        host = Host(number=number, folder=folder, init=init, switch=switch)
        host._at_switch("bash", "-c", _CABLE, "cable", str(number), str(init))
        host.run("bash", "-c", _CARD, "card", host.address)
        yield host
