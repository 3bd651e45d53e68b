"""A run in a bucket of an S3 server that has faults, beside those of this machine's processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from benchmarks.faulting.machine import Machine
from benchmarks.faulting.schedule import Fault
from raysat.execution.cluster.local_ray import environment
from raysat.files import AnyPath, ObjectPath
from tests.helpers.object_store import make_bucket
from tests.helpers.paths import ROOT

SERVER: Final = "server"  # a target


@dataclass(frozen=True, slots=True)
class S3:
    """A server in a process of its own."""

    here: str  # its URL for this process
    endpoint: str  # and for the run
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """By which the run finds it."""
        return _environment(self.endpoint)

    @contextmanager
    def found_here(self) -> Iterator[None]:
        """Within this, this process finds it by its environment."""
        with environment(_environment(self.here)):
            yield

    def begin(self, fault: str) -> None:
        """Have a fault begin, or "none"."""
        assert self.process.stdin
        self.process.stdin.write(f"{fault}\n")
        self.process.stdin.flush()


def _environment(endpoint: str) -> dict[str, str]:
    settings = {"ENDPOINT_URL": endpoint, "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}
    return {f"AWS_{name}": value for name, value in {**settings, "ALLOW_HTTP": "true"}.items()}


@contextmanager
def s3(seed: int, *, switch: int | None = None) -> Iterator[S3]:
    """Start a server.

    Args:
        seed: of its faults.
        switch: a process in the network of the hosts that are to reach it, too.

    Yields:
        The server.
    """
    words = [
        sys.executable,
        "-m",
        "benchmarks.faulting.s3_server",
        str(seed),
        *([] if switch is None else [str(switch)]),
    ]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # a process with threads, as numpy's, may not enter a user namespace
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=alone)
    assert process.stdin
    assert process.stdout
    try:
        ready, *endpoints = process.stdout.readline().split()
        assert ready == "ready"
        yield S3(endpoints[0], endpoints[-1], process)
    finally:
        process.stdin.close()
        process.wait(timeout=30)


@dataclass
class Bucket(Machine):
    """A run whose files lie in a bucket."""

    s3: S3
    bucket: ObjectPath

    @property
    @override
    def out(self) -> AnyPath:
        return self.bucket / "runs"

    @property
    @override
    def environment(self) -> dict[str, str]:
        return super().environment | self.s3.environment

    @override
    def strike(self, fault: Fault) -> bool:
        if fault.target != SERVER:
            return super().strike(fault)
        self.s3.begin(fault.kind)
        return True

    @override
    def mend(self, fault: Fault) -> None:
        self.s3.begin("none")


@contextmanager
def bucket(server: S3, machine: Machine) -> Iterator[Bucket]:
    """Have a bucket for what would run on a machine's disk."""
    fields = (machine.folder, machine.study, machine.space, machine.store, machine.rng)
    place = Bucket(*fields, s3=server, bucket=make_bucket(server.here))
    try:
        with server.found_here():
            yield place
    finally:
        server.begin("none")
        place.end()
