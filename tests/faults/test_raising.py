"""A trial that raises what nobody expected: tried again from its last epoch, then recorded with its traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.ledger import Ledger
from raysat.plan import make_plan
from raysat.space import load_study
from raysat.tuning.session import explain

STUDY = """
study: raising
base: {model: {name: test_resnet}, optim: {epochs: 4, batch_size: 16}}
arms:
  plain: {}
  raises: {loss: {kind: ldam}}
  raises too: {loss: {kind: ldam}, reweight: {kind: drw, switch: 0.75}}
"""
# Imported by every Python process at its start: it spoils the third epoch of LDAM, so often as the folder says.
SPOILER = """
import os
from importlib.machinery import SourceFileLoader
from pathlib import Path

load = SourceFileLoader.exec_module

def exec_module(self, module):
    load(self, module)
    if module.__name__ == "raysat.training.engine":
        train = module.Engine.train_epoch

        def train_epoch(engine, epoch):
            left = sorted(Path(os.environ["SPOIL"]).iterdir())
            if left and engine.config.loss.kind == "ldam" and epoch == 2:
                left[0].unlink()
                raise ValueError("spoiled on purpose")
            return train(engine, epoch)

        module.Engine.train_epoch = train_epoch

SourceFileLoader.exec_module = exec_module
"""


def run(
    folder: Path, store: PatchStore, times: int
) -> "tuple[subprocess.CompletedProcess[str], Ledger, dict[str, str]]":
    (folder / "spoiler").mkdir()
    (folder / "spoiler" / "sitecustomize.py").write_text(SPOILER, encoding="utf-8")
    (folder / "left").mkdir()
    for time in range(times):
        (folder / "left" / str(time)).touch()
    space = folder / "raising.yaml"
    space.write_text(STUDY, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {"PYTHONPATH": str(folder / "spoiler"), "SPOIL": str(folder / "left")}
    words = ["ablate", "--space", space, "--data", store.path, "--out", folder / "runs"]
    done = subprocess.run(
        [sys.executable, "-m", "raysat", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=environment,
    )
    ids = {job.arm: job.id for job in make_plan(load_study(space), store).jobs}
    return done, Ledger(folder / "runs" / "raising"), ids


def test_once_is_tried_again_from_the_last_epoch(tmp_path: Path, landsat_store: PatchStore) -> None:
    done, ledger, ids = run(tmp_path, landsat_store, times=1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert all(ledger.is_finished(trial) for trial in ids.values())
    assert list((tmp_path / "left").iterdir()) == []


def test_again_and_again_is_recorded_with_its_traceback(tmp_path: Path, landsat_store: PatchStore) -> None:
    done, ledger, ids = run(tmp_path, landsat_store, times=99)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert ledger.is_finished(ids["plain"])
    for arm in ("raises", "raises too"):
        failure = ledger.read_failure(ids[arm])
        assert failure is not None
        assert failure.error == "ValueError: spoiled on purpose"
        assert "train_epoch" in (failure.traceback or "")
    tried = 99 - len(list((tmp_path / "left").iterdir()))
    assert tried == 2 * 2, "once and a retry each: the second arm goes its own way where the first one's worker died"
    assert list(ledger.checkpoints.names()), "what is there to go on from stays"


@pytest.mark.parametrize(
    ("text", "error", "advice"),
    [
        (
            "Traceback ...\n  File x\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            "GPU's memory",
            "batch_size",
        ),
        ("ray.exceptions.ActorDiedError\nThe actor died unexpectedly\n", "died unexpectedly", "lost machine"),
        ("Traceback ...\nValueError: no\n", "ValueError: no", "traceback"),
        ("", "the worker died", "lost machine"),
    ],
)
def test_each_end_of_a_worker_has_its_advice(text: str, error: str, advice: str) -> None:
    found, hint = explain(text)
    assert error in found
    assert advice in hint
