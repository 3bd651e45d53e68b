"""A study as a plan, and one of its trials trained without Ray."""

from pathlib import Path

from raysat.data.store import PatchStore
from raysat.plan.build import Plan, make_plan
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.training.loop import Outcome, train


def plan_of(folder: Path, text: str, store: PatchStore) -> tuple[Plan, Ledger]:
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    plan = make_plan(load_study(file), store)
    return plan, Ledger(folder / "run")


def trained_alone(plan: Plan, arm: str) -> Outcome:
    loop = train(plan.jobs[[job.arm for job in plan.jobs].index(arm)].trial, plan.store)
    while True:
        try:
            next(loop)
        except StopIteration as stop:
            return stop.value
