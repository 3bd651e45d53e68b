"""A trial that raises what nobody expected: tried again from its last epoch, then recorded with its traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.execution.scheduling.deaths import explain
from raysat.planning.build import make_plan
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from tests.helpers.patience import PATIENCE_S

STUDY = """
study: raising
base: {model: {name: test_resnet}, optim: {epochs: 4, batch_size: 16}}
arms:
  plain: {}
  raises once: {loss: {kind: focal}}
  raises: {loss: {kind: ldam}}
  raises too: {loss: {kind: ldam}, reweight: {kind: drw, switch: 0.75}}
"""
# Imported by every Python process at its start: it spoils the third epoch of a loss, as often as its folder has files.
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
            left = sorted(Path(os.environ["SPOIL"]).glob(engine.config.loss.kind + ".*"))
            if left and epoch == 2:
                left[0].unlink()
                raise ValueError("spoiled on purpose")
            return train(engine, epoch)

        module.Engine.train_epoch = train_epoch

SourceFileLoader.exec_module = exec_module
"""


def test_it_is_tried_again_then_recorded_with_its_traceback(tmp_path: Path, landsat_store: PatchStore) -> None:
    for name, text in (("spoiler/sitecustomize.py", SPOILER), ("raising.yaml", STUDY)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    spoil, space = tmp_path / "spoil", tmp_path / "raising.yaml"
    spoil.mkdir()
    for name in ("focal.0", *(f"ldam.{time}" for time in range(9))):
        (spoil / name).touch()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment |= {"PYTHONPATH": str(tmp_path / "spoiler"), "SPOIL": str(spoil)}
    words = ["ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path / "runs"]
    words += ["--checkpoint-every", "1epoch"]
    words += ["--cpus-per-trial", 1]  # two slots: while one starts anew, the other goes on
    done = subprocess.run(
        [sys.executable, "-m", "raysat", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    ledger = Ledger(tmp_path / "runs" / "raising")
    ids = {job.arm: job.id for job in make_plan(load_study(space), landsat_store).trials}
    assert not list(spoil.glob("focal.*"))
    assert [arm for arm, trial in ids.items() if ledger.is_finished(trial)] == ["plain", "raises once"]
    for arm in ("raises", "raises too"):
        failure = ledger.read_failure(ids[arm])
        assert failure is not None
        assert failure.error == "ValueError: spoiled on purpose"
        assert "train_epoch" in (failure.traceback or "")
    tried = 9 - len(list(spoil.glob("ldam.*")))
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
        ("ray.exceptions.ActorDiedError\nThe actor died unexpectedly\n", "died unexpectedly", "out of memory"),
        ("Traceback ...\nValueError: no\n", "ValueError: no", "traceback"),
        ("", "the worker died", "out of memory"),
    ],
)
def test_each_end_of_a_worker_has_its_advice(text: str, error: str, advice: str) -> None:
    found, hint = explain(text)
    assert error in found
    assert advice in hint
