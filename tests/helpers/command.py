"""What tests of the command line share: a tiny study, and the words that ablate it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from raysat.data.store import PatchStore

STUDY = """\
study: tiny
base: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}, data: {bands: agriculture}}
seeds: [0, 1]
arms:
  plain: {}
  LDAM: {loss: {kind: ldam}}
"""
Raysat = Callable[..., Any]


def ablate(space: Path, store: PatchStore, out: Path, *more: object) -> list[object]:
    return ["ablate", "--space", space, "--data", store.path, "--out", out, *more]
