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
from raysat.planning.build import make_plan
from raysat.storage.checkpoints import Checkpoints
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study

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
  fails: {optim: {kind: sgd, lr: 1000, weight_decay: 1000}}
"""
FAILS = "fails"


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


def finish(space: Path, store: PatchStore, out: Path, *more: str) -> str:
    """Run the study to its end; one arm fails by design, so the exit code is 1."""
    process = start(space, store, out, *more)
    try:
        output, _ = process.communicate(timeout=280)
    finally:
        process.kill()
    assert process.returncode == 1, output
    assert "Traceback" not in output, output
    return output


def wait_for(what: Callable[[], bool], process: "subprocess.Popen[str]", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def begun(out: Path) -> Callable[[], bool]:
    """Whether something has been trained: a checkpoint or a record is there."""
    run = out / "faults"
    return lambda: any(Checkpoints(run).names()) or any(run.glob("trials/*/record.json"))


def leaderboard(out: Path) -> dict[str, bytes]:
    """What the study is about, byte for byte."""
    return {file.name: file.read_bytes() for file in sorted((out / "faults").glob("leaderboard.*"))}


def weights(out: Path) -> dict[str, bytes]:
    """The weights and predictions of each finished trial, byte for byte."""
    found = {}
    for folder in sorted((out / "faults" / "trials").iterdir()):
        state = torch.load(folder / "model.pt", weights_only=True)
        found[folder.name] = b"".join(value.numpy().tobytes() for value in state.values())
        found[folder.name] += (folder / "predictions.npz").read_bytes()
    return found


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


def assert_nothing_was_lost(
    space: Path, store: PatchStore, out: Path, records: dict[str, list[float]], saved: dict[str, list[float]]
) -> None:
    """Finished trials were not trained again, and others went on at the last epoch that was saved."""
    final = seconds_of(out)
    for trial, seconds in records.items():
        assert final[trial] == seconds
    for job in make_plan(load_study(space), store).trials:
        ways = [seconds for state, seconds in saved.items() if state in job.states]
        if job.id in records or job.arm == FAILS or not ways:
            continue
        deepest = max((way for way in ways if len(way) <= job.epochs), key=len, default=[])
        shared = final[job.id][: len(deepest)]
        assert shared == deepest, f"{job.arm}: {len(deepest)} epochs were saved and trained again"


def assert_whole(out: Path) -> None:
    """Every trial but the one that fails is finished, and nothing is left over."""
    ledger = Ledger.open(out / "faults")
    trials = {arm.name: arm.trials[0].id for arm in ledger.read_plan().arms}
    for arm, trial in trials.items():
        assert ledger.is_finished(trial) == (arm != FAILS)
    assert list((out / "faults" / "trials").glob(".*")) == []
    failed = ledger.read_failure(trials[FAILS])
    assert failed is not None
    assert "epoch 1" in failed.error


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
