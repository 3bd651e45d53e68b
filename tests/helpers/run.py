"""A study as a plan, and its trials trained without Ray."""

import time
from pathlib import Path
from typing import Final

import torch

from raysat.data.store import PatchStore
from raysat.execution.workers.records import trained_files
from raysat.planning.build import Plan, make_plan
from raysat.storage.ledger import Ledger
from raysat.storage.records import Hardware
from raysat.study.load import load_study
from raysat.training.loop import train
from raysat.training.results import TrialResult

ONE_ARM: Final = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 8, epochs: 1}
seeds: [0]
arms:
  plain: {}
"""


def plan_of(folder: Path, text: str, store: PatchStore) -> tuple[Plan, Ledger]:
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    plan = make_plan(load_study(file), store)
    return plan, Ledger(folder / "run")


def trained_alone(plan: Plan, arm: str) -> TrialResult:
    return train(plan.trials[[job.arm for job in plan.trials].index(arm)].trial, plan.store)


def run_alone(folder: Path, text: str, store: PatchStore) -> Ledger:
    """Train a whole study without Ray, in seconds where its models are tiny; return its run."""
    plan, ledger = plan_of(folder, text, store)
    train_alone(plan, ledger)
    return ledger


def train_alone(plan: Plan, ledger: Ledger) -> None:
    """Train every trial of a plan without Ray, and write it."""
    plan.keep(ledger)
    hardware = Hardware(device="cpu", threads=torch.get_num_threads())
    for job in plan.trials:
        result = train(job.trial, plan.store, device=torch.device("cpu"))
        files = trained_files(job, result, plan.store, (), started=time.time(), hardware=hardware)
        ledger.write(job.id, files)
