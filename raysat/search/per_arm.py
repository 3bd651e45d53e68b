"""Tunes each arm of a study as hard as the others: the trials to train, and what they choose.

Every arm gets equally many trials, drawn at random by Optuna (Bergstra & Bengio 2012, "Random Search for
Hyper-Parameter Optimization"). Trial k has the same draw in every arm: what two arms both have is set alike, so that
none is luckier, and arms that begin alike share epochs. A sampler that learns from results would draw apart, and favour
arms whose results are less noisy. All trials are known before the first is trained: they are a study of their
own, which resumes, is cached and runs on a cluster as any other. Where the tuning has rounds (``study/rounds.py``), all
that may be trained in any of them are known; ``halving.py`` says which of them are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from optuna.trial import TrialState

from raysat.config.merge import override
from raysat.config.validate import validate_config
from raysat.errors import PlanError
from raysat.formatting import echo, plural
from raysat.search.options import Random
from raysat.search.sampler import new_study, optuna_sampler, suggest
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record
from raysat.study.arm import Arm
from raysat.study.load import Study
from raysat.study.parameter import Params
from raysat.study.rounds import shortened
from raysat.study.tuning import TunedArm, Tuning

WRITTEN: Final = 0  # the number of the trial with an arm's settings as they are written
_VAL: Final = "val"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTrial:
    """One of the trials of an arm, by which it is tuned."""

    of: Arm
    number: int  # the same in every arm: of the draw
    in_round: int  # from 1 on: it trains the epochs of that
    arm: Arm  # of the study that trains it
    settings: tuple[str, ...]  # that it sets


def run_of_tuning(study: str) -> str:
    """What the run that tunes a study's arms is called."""
    return f"{study}-tune"


def draws(tuning: Tuning) -> Iterator[Params]:
    """Yield what each trial after the first sets, by setting: of all that are tuned, whether an arm has them or not."""
    study = new_study()
    for number in range(1, tuning.per_arm):
        study.sampler = optuna_sampler(Random(seed=tuning.draws), number, 0)
        trial = study.ask()
        yield {parameter.name: suggest(trial, parameter) for parameter in tuning.over}
        study.tell(trial, state=TrialState.FAIL)  # its value is the ledger's to know


def arm_trials(study: Study) -> tuple[ArmTrial, ...]:
    """Return the trials that tune a study's arms, draw by draw; with rounds those of each round, whoever reaches it.

    Raises StudyError where an arm cannot have a value that was drawn.
    """
    if study.tune is None:
        return ()
    drawn: list[Params] = [{}, *draws(study.tune)]
    return tuple(
        _trial(study.tune, arm, number, params, in_round)
        for in_round in range(1, study.tune.rounds + 1)
        for number, params in enumerate(drawn)
        for arm in study.arms
    )


def _trial(tuning: Tuning, arm: Arm, number: int, params: Params, in_round: int) -> ArmTrial:
    tree, settings, name = arm.tree, [], f"{arm.name} #{number}"
    for parameter in tuning.of(arm.config) if number != WRITTEN else ():
        tree = override(tree, parameter.setting(params[parameter.name]))
        settings.append(f"{parameter.name} {parameter.label(params[parameter.name])}")
    if in_round < tuning.rounds:
        epochs = tuning.epochs(arm.config)[in_round - 1]  # more in each round, so that names differ
        tree, name = shortened(tree, epochs, tuning.place), f"{name} ({plural(epochs, 'epoch')})"
    config = arm.config if tree is arm.tree else validate_config(tree, arm=name)
    return ArmTrial(
        of=arm,
        number=number,
        in_round=in_round,
        arm=replace(arm, name=name, config=config, tree=tree),
        settings=tuple(settings),
    )


def tuning_study(study: Study, trials: tuple[ArmTrial, ...]) -> Study:
    """Return the study that trains the trials by which a study's arms are tuned.

    Args:
        study: whose arms are tuned.
        trials: of those that ``arm_trials`` gives.
    """
    seed = study.tune.seed if study.tune else 0
    return replace(
        study,
        name=run_of_tuning(study.name),
        arms=tuple(trial.arm for trial in trials),
        seeds=(seed,),
        reference=None,
        compare=(),
        tune=None,
    )


def tuned_study(study: Study, trials: tuple[ArmTrial, ...], ids: Mapping[str, str], ledger: Ledger) -> Study:
    """Return a study with the settings that its tuning chose: highest balanced accuracy on val, then lowest ICV.

    With rounds they are chosen by the last one alone, whose trials have all their epochs.

    Args:
        study: as it is written.
        trials: that tuned its arms, round by round, each finished or failed.
        ids: of the trials in the ledger, by name of their arm.
        ledger: of the run that tuned.

    Raises:
        PlanError: all trials of an arm have failed.
        StorageError: a record is damaged.
    """
    finished = ledger.finished(ids[trial.arm.name] for trial in trials)
    rounds = 1 if study.tune is None else study.tune.rounds
    tuned = [
        _choose(arm, [trial for trial in trials if trial.of.name == arm.name], rounds, ids, ledger, finished)
        for arm in study.arms
    ]
    return replace(study, arms=tuple(arm for arm, _ in tuned), tuned=tuple(told for _, told in tuned), tune=None)


def _choose(
    arm: Arm,
    trials: list[ArmTrial],
    rounds: int,
    ids: Mapping[str, str],
    ledger: Ledger,
    finished: Mapping[str, str | None],
) -> tuple[Arm, TunedArm]:
    last = [trial for trial in trials if trial.in_round == rounds]
    own = different(last, ids)
    records = {job: ledger.read(job) for job in own if job in finished}
    if not records:
        where = " in the last round" if rounds > 1 else ""
        raise PlanError(
            f"all {plural(len(own), 'trial')} that tune arm {echo(arm.name)} have failed{where}",
            hint=f"see the failures in {ledger.root}, and narrow tune.over",
        )
    best = min(records, key=lambda job: (*loss_on_val(records[job]), own[job].number))
    first = {trial.number: ids[trial.arm.name] for trial in trials if trial.in_round == 1}
    furthest = {first[trial.number]: trial for trial in trials}  # of each that differs from the others
    ended = [trial for trial in furthest.values() if ids[trial.arm.name] in finished]
    chosen, written = own[best], records.get(next(ids[trial.arm.name] for trial in last if trial.number == WRITTEN))
    told = TunedArm(
        written=replace(arm, name=f"{arm.name} (as written)"),
        tried=len(furthest),
        failed=len(furthest) - len(ended),
        stopped=sum(trial.in_round < rounds for trial in ended),
        chosen=chosen.number,
        settings=chosen.settings,
        val=records[best].metrics[_VAL].balanced_accuracy,
        written_val=None if written is None else written.metrics[_VAL].balanced_accuracy,
    )
    return replace(arm, config=chosen.arm.config, tree=chosen.arm.tree), told


def different(trials: Sequence[ArmTrial], ids: Mapping[str, str]) -> dict[str, ArmTrial]:
    """Return trials by id, of equal ones the first."""
    return {ids[trial.arm.name]: trial for trial in reversed(trials)}


def loss_on_val(record: Record) -> tuple[float, float]:
    """Return what is least for the best trial: higher balanced accuracy, then lower ICV."""
    metrics = record.metrics[_VAL]
    return -metrics.balanced_accuracy, metrics.icv
