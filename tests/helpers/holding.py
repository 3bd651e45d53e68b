"""Trainings that wait for a word: they last until what a test waits for has happened, and take no core meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

WAITING_EPOCH: Final = 2  # counted from 0: the epochs before it are trained at once
# Imported by every Python process at its start, by its name; finds the file of the word in its environment.
_HOLD: Final = f"""
import os, time
from importlib.machinery import SourceFileLoader

load = SourceFileLoader.exec_module

def exec_module(self, module):
    load(self, module)
    if module.__name__ == "raysat.training.engine":
        train = module.Engine.train_epoch

        def train_epoch(engine, epoch):
            while epoch == {WAITING_EPOCH} and not os.path.exists(os.environ["GO"]):
                time.sleep(0.05)
            return train(engine, epoch)

        module.Engine.train_epoch = train_epoch

if "GO" in os.environ:
    SourceFileLoader.exec_module = exec_module
"""


def holding(folder: Path) -> dict[str, str]:
    """The environment in which each training waits before its third epoch, until somebody makes the file ``GO``.

    Args:
        folder: for what Python imports, and for the file.

    Returns:
        What is to be added to the environment of workers.
    """
    path = folder / "holding"
    path.mkdir()
    (path / "sitecustomize.py").write_text(_HOLD, encoding="utf-8")
    paths = [str(path), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"GO": str(folder / "go"), "PYTHONPATH": os.pathsep.join(paths)}
