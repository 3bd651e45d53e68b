"""From a study and the name of its data to a plan that can run: every arm is checked before anything starts; no ray."""

from __future__ import annotations

from raysat.data.store import PatchStore
from raysat.generation.check import check_generation
from raysat.planning.build import Plan, make_plan
from raysat.study.load import Study
from raysat.training.check import check


def prepare(
    study: Study,
    store: PatchStore,
    *,
    data: str,
    workers: int = 1,
    reuse_epochs: bool = True,
    command: str | None = None,
) -> Plan:
    """Plan a study on its data, and check that every arm can train there.

    Args:
        study: what to train.
        store: the patches.
        data: the name that the store goes by.
        workers: data-parallel, per trial.
        reuse_epochs: train epochs that trials have in common once.
        command: that does the same, for reports.

    Returns:
        The plan.

    Raises:
        UsageError: an arm that cannot train or generate on the data, by its name.
    """
    plan = make_plan(study, store, data=data, workers=workers, reuse_epochs=reuse_epochs, command=command)
    arms = {arm.name: arm for arm in (*study.arms, *(each.written for each in study.tuned))}
    for name, config in {trial.arm: trial.trial.config for trial in plan.trials}.items():
        with arms[name].located():
            check(config, plan.store)
    for job in plan.generate_jobs:
        with arms[next(trial.arm for trial in plan.trials if job.id in trial.needs)].located():
            check_generation(job.work, plan.store)
    return plan
