"""A study as a plan, and one of its trials trained without Ray."""

from pathlib import Path

from raysat.data.store import PatchStore
from raysat.planning.build import Plan, make_plan
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.training.loop import train
from raysat.training.results import TrialResult


def plan_of(folder: Path, text: str, store: PatchStore) -> tuple[Plan, Ledger]:
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    plan = make_plan(load_study(file), store)
    return plan, Ledger(folder / "run")


def trained_alone(plan: Plan, arm: str) -> TrialResult:
    return train(plan.trials[[job.arm for job in plan.trials].index(arm)].trial, plan.store)
