"""What the fault tests share: a study in a process of its own, undisturbed or not, and what it leaves."""

import contextlib
import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from raysat.data.store import PatchStore
from raysat.storage.checkpoints import Checkpoints
from tests.helpers.patience import PATIENCE_S

STUDY = """
study: faults
base: {model: {name: test_resnet}, optim: {epochs: 12, batch_size: 8}}
seeds: 1
arms:
  plain: {}
  swa: {average: {kind: swa}}
  drw: {reweight: {kind: drw, switch: 0.5}}
  drw and ema: {reweight: {kind: drw, switch: 0.5}, average: {kind: ema}}
  half: {optim.epochs: 6}
  ldam: {loss: {kind: ldam}}
  mixup: {augment: {kind: mixup}}
"""


def write_study(folder: Path) -> Path:
    file = folder / "faults.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return file


def start(
    space: Path, store: PatchStore, out: Path, *more: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Begin the study in a process of its own."""
    words = ["ablate", "--space", space, "--data", store.path, "--out", out, "--cpus-per-trial", "1"]
    words += ["--checkpoint-every", "1epoch", *more]
    own = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "raysat", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=own | dict(environment or {}),
        start_new_session=True,
    )


def wait_for(what: Callable[[], bool], process: "subprocess.Popen[str]", seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def seconds_of(out: Path) -> dict[str, list[float]]:
    """How long each epoch of each finished trial took: no two epochs take the same time, so it tells them apart."""
    found = {}
    for file in (out / "faults" / "trials").glob("*/history.csv"):
        with file.open(encoding="utf-8") as rows:
            found[file.parent.name] = [float(row["seconds"]) for row in csv.DictReader(rows)]
    return found


def seconds_saved(out: Path) -> dict[str, list[float]]:
    """The same of the states that have a whole checkpoint."""
    checkpoints, found = Checkpoints(out / "faults"), {}
    for state in checkpoints.names():
        if (content := checkpoints.read(state)) is not None:
            history = torch.load(io.BytesIO(content), weights_only=True)["history"]
            found[state] = [row["seconds"] for row in history]
    return found


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
