"""Processes in Linux namespaces of their own, as any user may make them; with the first of them, all of them end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.helpers.paths import ROOT
from tests.helpers.processes import descendants

SPACES: Final = ("--net", "--mount", "--uts", "--ipc", "--pid")
FRESH: Final = (*SPACES, "--fork", "--kill-child")  # for ``unshare``
PATH: Final = f"{sys.prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOME: Final = "/tmp/home"  # noqa: S108  (a host has its own)
# What their processes have: nothing of the caller's but where Python and the source are.
ENVIRONMENT: Final = {
    "PATH": PATH,
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",  # as the tests themselves
    "OMP_WAIT_POLICY": "PASSIVE",
}


class NoHostsError(Exception):
    """This machine cannot make namespaces; says why."""


@contextmanager
def init_process(words: list[str]) -> Iterator[int]:
    """Start what makes namespaces, and end it with all that runs in them.

    It ends by itself where the caller is killed: its first process reads a pipe from the caller.

    Args:
        words: a command that calls ``unshare``, says "ready", and then ends with its input.

    Yields:
        The process id, as seen from here, of the first process in the namespaces.

    Raises:
        NoHostsError: it ended before it was ready.
    """
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    try:
        if process.stdout.readline() != "ready\n":
            process.kill()
            raise NoHostsError(process.stderr.read().strip() or f"{words[0]} ended with {process.wait()}")
        yield next(pid for pid in descendants(process.pid) if _is_first(pid))
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def into(first: int, *spaces: str) -> list[str]:
    """The words before a command that runs in some namespaces of a process; in all of them, and where that works."""
    return ["nsenter", "--target", str(first), "--user", "--preserve-credentials", *(spaces or (*SPACES, "--wd"))]


def process_namespace(pid: int) -> Path | None:
    """Which namespace of process ids a process is in; None where it has ended, or is somebody else's."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/ns/pid").readlink()
    return None


def _is_first(pid: int) -> bool:
    """Whether a process is the first one of its namespace of process ids."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        return re.search(r"^NSpid:.*\t1$", status, re.MULTILINE) is not None
    return False


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
