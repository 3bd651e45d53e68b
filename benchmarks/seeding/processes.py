"""Processes that train a seed each, all at once: they take steps when they are told, and say when they have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import torch
from gpu import Case, synchronize

from seeding.ways import Arm, Run, branches, warm


@contextmanager
def processes(case: Case, count: int) -> Iterator[Run]:
    """So many processes, each with its part of the cores; running them ends with the last one's last step."""
    words = [sys.executable, "-m", "seeding.processes", case.model, str(case.batch), str(count)]
    pipe = subprocess.PIPE
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    workers = [
        subprocess.Popen([*words, str(seed)], stdin=pipe, stdout=pipe, text=True, env=os.environ | path)  # noqa: S603
        for seed in range(count)
    ]

    def wait() -> None:
        for worker in workers:
            if not cast("IO[str]", worker.stdout).readline():
                sys.exit(f"one of {count} processes failed")

    def run(steps: int) -> None:
        for worker in workers:
            print(steps, file=worker.stdin, flush=True)
        wait()

    try:
        wait()  # all are warm
        yield run
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def main(model: str, batch: str, count: str, seed: str) -> None:
    torch.set_num_threads(max(1, torch.get_num_threads() // int(count)))
    training = warm(branches, Arm(Case(model=model, batch=int(batch))), [int(seed)])
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            training.step()
        synchronize()
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
