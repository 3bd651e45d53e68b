"""Evaluations of finished models, without training again: under corruptions, calibrated, on other data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.api.explanations import explain_finished, patches_to_map
from raysat.api.reports import AnyRun, Report, report, run_folder
from raysat.api.stores import as_store
from raysat.config import limits
from raysat.config.arguments import Seed, checked
from raysat.data.corruptions import CORRUPTIONS, SEVERITIES
from raysat.data.fold_stores import made_fold
from raysat.data.patch_store import PatchStore
from raysat.errors import DataError, UsageError
from raysat.files import AnyPath
from raysat.reporting.format.evaluations import evaluation_blocks
from raysat.reporting.format.explanations import explanation_blocks
from raysat.reporting.render.terminal import Blocks
from raysat.storage.evaluations import Corrupted, Evaluations, OtherData
from raysat.storage.ledger import Ledger
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str, int, int], None]  # is told what is done, how far it is, and its end
_EVERY: Final = "all"
_FINISHED: Final = "{raysat status} says what has finished"
_ELSEWHERE: Final = "name the store that it was trained on with {--data}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evaluation(Shown):
    """What came out of a run's finished models; its tables are those of the report, which has them from now on."""

    path: AnyPath  # of the run
    evaluated: int  # models times conditions that were evaluated now
    kept: int  # that had been already
    report: Report  # of the run, with all that was ever evaluated

    def __repr__(self) -> str:
        return f"<Evaluation of {str(self.path)!r}: {self.evaluated} evaluated now, {self.kept} before>"

    def to_frame(self) -> pd.DataFrame:
        """A row per number: what it is of (evaluation, condition, arm, metric, quantity), value, low, high, n, patches.

        Evaluations are ``corruption``, ``temperature``, ``data`` and ``importance``; conditions such as ``haze-3``,
        ``haze`` over its severities, ``all`` corruptions, ``after``, or a band. Such as the gains under haze::

            frame.xs(("corruption", "haze", "gain"), level=("evaluation", "condition", "quantity"))
        """
        from raysat.reporting.render.evaluation_rows import evaluation_rows
        from raysat.reporting.render.frames import make_frame

        return make_frame(evaluation_rows(self.report.analysis))

    @checked
    def table(self, name: str) -> pd.DataFrame:
        """A table of the report as a frame, such as ``robustness``. Raises UsageError for one that it does not have."""
        return self.report.table(name)

    @override
    def show(self, console: Console) -> None:
        console.print(f"evaluated  {self.evaluated} now, {self.kept} before")
        analysis = self.report.analysis
        console.print(Blocks([*evaluation_blocks(analysis), *explanation_blocks(analysis)]))


@checked
def evaluate(
    run: AnyRun,
    *,
    corruptions: Sequence[str] = (),
    severities: Sequence[Annotated[int, Ge(1), Le(SEVERITIES)]] = tuple(range(1, SEVERITIES + 1)),
    calibrate: Literal["temperature"] | None = None,
    data: PatchStore | Path | str | None = None,
    split: Literal["train", "val", "test", "all"] | None = None,
    importance: bool = False,
    repeats: Annotated[int, Ge(1), Le(limits.REPEATS)] = 5,
    occlusion: bool = False,
    patches: Annotated[int, Ge(1), Le(limits.MAPPED)] = 6,
    arms: Sequence[str] = (),
    seeds: Sequence[Seed] = (),
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate the finished models of a run, without training again; what was evaluated before is kept.

    Args:
        run: a run or its folder.
        corruptions: names of what to do to its patches, or ``["all"]``.
        severities: of each, from 1 to 5.
        calibrate: fit a temperature to the val split, and evaluate with it.
        data: evaluate on the patches of this store too; or, where it is the run's own, where that lies now.
        split: of that store; by default the one that it reports on.
        importance: permute each band, and groups of bands, between the patches that are reported on.
        repeats: permutations of each.
        occlusion: map where an arm and the baseline look, in patches that the arm newly gets right.
        patches: of which maps are made.
        arms: whose models; by default of all that have finished. Maps are of the first that is not the baseline.
        seeds: of which seeds; by default of all that have finished.
        progress: called with what is being done, how far it is, and its end.

    Returns:
        What came out.

    Raises:
        UsageError: nothing to do, an unknown corruption, arm or seed, a store whose patches the models cannot take, no
            patch to map.
        DataError: a store that cannot be opened.
        StorageError: damaged records or weights, or a disk that cannot be written.
        TrainingError: weights that do not fit.
    """
    from raysat.execution.versions import versions
    from raysat.inference.corruptions.corrupt import check_known
    from raysat.inference.evaluate import Stores, Wanted, evaluate_models

    ledger = Ledger.open(run_folder(run))
    names = list(CORRUPTIONS) if list(corruptions) == [_EVERY] else list(dict.fromkeys(corruptions))
    check_known(names)
    needs_own = bool(names) or calibrate is not None or importance or occlusion
    given, called = (None, "") if data is None else as_store(data)
    is_own = given is not None and given.fingerprint == ledger.read_plan().data.fingerprint
    other = None if is_own else given
    if not needs_own and other is None:
        hint = "say what: {--corruptions}, {--calibrate}, {--importance}, {--occlusion}, or {--data} of another store"
        raise UsageError("there is nothing to evaluate", hint=hint)
    if names and not severities:
        raise UsageError("there is no severity to evaluate", hint=f"name some, from 1 to {SEVERITIES}")
    if split is not None and other is None:
        raise UsageError("{--split} is of another store", hint="name that with {--data}")
    wanted = Wanted(
        corrupted=tuple(
            Corrupted(corruption=name, severity=severity, version=CORRUPTIONS[name].version)
            for name in names
            for severity in sorted(set(severities))
        ),
        calibrated=calibrate is not None,
        other=None
        if other is None
        else OtherData(store=called, fingerprint=other.fingerprint, split=split or other.reported_split),
    )
    own = given if is_own else _own_store(ledger) if needs_own else None
    Evaluations(ledger.root).check_folders()
    trials = _chosen(ledger, arms, seeds)
    mapped = patches_to_map(ledger, _named(ledger, arms), patches) if occlusion else None
    done, kept = evaluate_models(
        ledger, trials, wanted, Stores(own=own, other=other), versions=versions(), progress=progress
    )
    if importance or occlusion:
        assert own is not None  # noqa: S101  (what needs it has it)
        more = explain_finished(
            ledger,
            trials,
            own,
            repeats=repeats if importance else 0,
            mapped=mapped,
            progress=progress,
        )
        done, kept = done + more[0], kept + more[1]
    return Evaluation(
        path=ledger.root, evaluated=done, kept=kept, report=report(ledger.root, data=own, progress=progress)
    )


def _own_store(ledger: Ledger) -> PatchStore:
    """The store that a run was trained on. Raises UsageError where it is not where it was."""
    planned = ledger.read_plan().data
    if planned.folds_of is not None and (fold := made_fold(planned.name, planned.fingerprint)) is not None:
        return fold
    try:
        store, _ = as_store(planned.name)
    except DataError as error:
        raise UsageError(f"the store of this run cannot be opened: {error.message}", hint=_ELSEWHERE) from None
    if planned.fingerprint not in (None, store.fingerprint):
        raise UsageError(f"{planned.name} is not the store that this run was trained on", hint=_ELSEWHERE)
    return store


def _named(ledger: Ledger, arms: Sequence[str]) -> list[str]:
    """Names of arms, of which several may stand in one text with commas."""
    known = [arm.name for arm in ledger.read_plan().arms]
    return [name for text in arms for name in ([text] if text in known else map(str.strip, text.split(",")))]


def _chosen(ledger: Ledger, arms: Sequence[str], seeds: Sequence[int]) -> dict[str, str]:
    """Finished trials by id, and what each is called. Raises UsageError for an arm or a seed that there is not."""
    from raysat.inference.load import finished_trials

    if named := _named(ledger, arms):
        by_arm = {arm: finished_trials(ledger, arm, seeds or None) for arm in named}
    else:
        finished = ledger.finished(ledger.read_plan().trial_ids)
        by_arm = {
            arm.name: {
                trial.seed: trial.id
                for trial in arm.trials
                if trial.id in finished and (not seeds or trial.seed in seeds)
            }
            for arm in ledger.read_plan().arms
        }
    found = {seed for of_arm in by_arm.values() for seed in of_arm}
    if lacking := [str(seed) for seed in seeds if seed not in found]:
        raise UsageError(f"{ledger.root} has no finished trial of seed {', '.join(lacking)}", hint=_FINISHED)
    if not found:
        raise UsageError(f"{ledger.root} has no finished trial", hint=_FINISHED)
    return {trial: f"{arm}, seed {seed}" for arm, of_arm in by_arm.items() for seed, trial in of_arm.items()}
