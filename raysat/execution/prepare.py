"""From a study and the name of its data to a plan that can run: every arm is checked before anything starts; no ray."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from raysat.config.schema import Model, Network
from raysat.config.validate import validate_config
from raysat.data.store import PatchStore
from raysat.errors import StudyError, UsageError
from raysat.formatting import echo, plural
from raysat.generation.check import check_generation
from raysat.planning.build import Plan, make_plan
from raysat.planning.resolve import resolve_config
from raysat.study.arm import Arm
from raysat.study.load import Study
from raysat.study.rounds import shortened
from raysat.study.tuning import Tuning
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
        UsageError: an arm that cannot train or generate on the data, by its name, or not as briefly as the rounds of
            its tuning have it.
    """
    plan = make_plan(study, store, data=data, workers=workers, reuse_epochs=reuse_epochs, command=command)
    arms = {arm.name: arm for arm in (*study.arms, *(each.written for each in study.tuned))}
    for name, config in {trial.arm: trial.trial.config for trial in plan.trials}.items():
        with arms[name].located():
            check(config, plan.store)
            _check_layers(config.model)
    for job in plan.generate_jobs:
        with arms[next(trial.arm for trial in plan.trials if job.id in trial.needs)].located():
            check_generation(job.work, plan.store)
    if study.tune is not None:
        _check_rounds(study.tune, study.arms, plan.store)
    return plan


@lru_cache(maxsize=256)  # arms have a model in common
def _check_layers(model: Network) -> None:
    """Refuse a model of timm that has not the layers which its settings name. Raises PlanError."""
    if isinstance(model, Model) and (model.trains != "all" or model.layer_decay != 1):
        from raysat.training.models.layers import check_layers  # seconds, that plans without such settings do without

        check_layers(model)


def _check_rounds(tuning: Tuning, arms: Iterable[Arm], store: PatchStore) -> None:
    """Refuse arms that cannot train as few epochs as a round has. Raises StudyError."""
    for arm in arms:
        for epochs in tuning.epochs(arm.config)[:-1]:
            config = validate_config(shortened(arm.tree, epochs, tuning.place), arm=arm.name)
            try:
                check(resolve_config(config, store), store)
            except UsageError as error:
                whose = f"arm {echo(arm.name)} cannot train a round of {plural(epochs, 'epoch')}"
                message = f"{tuning.place}: tune.rounds: {whose}: {error.template}"
                raise StudyError(message, hint="take fewer rounds, or set optim.epochs higher") from None
