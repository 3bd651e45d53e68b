"""Studies that tune each arm before they compare them: the trials that tune, round by round, and what they choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from typing_extensions import override

from raysat.api.runs import Run
from raysat.api.stores import Store
from raysat.api.studies import Plan, as_shown, plan
from raysat.config.arguments import checked
from raysat.errors import PlanError, UsageError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent
from raysat.execution.prepare import prepare
from raysat.execution.train_plan import is_settled, train_plan
from raysat.files import AnyPath, as_path
from raysat.planning import build
from raysat.reporting.render.rows import Rows
from raysat.search.halving import trials_so_far, trials_to_come
from raysat.search.per_arm import ArmTrial, arm_trials, tuned_study, tuning_study
from raysat.storage.artifacts import run_folder
from raysat.storage.ledger import Ledger
from raysat.study.load import Study
from raysat.study.source import Source
from raysat.study.tuning import TunedArm, Tuning
from raysat.views.notebook import default_view
from raysat.views.shown import Shown
from raysat.views.table import plain_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TunedArms(Shown):
    """The arms of a study after each was tuned by equally many trials."""

    run: Run  # that tuned
    plan: Plan | None  # of the study with what was chosen, for ``ablate``; None where trials are still missing

    def __repr__(self) -> str:
        return f"<TunedArms {str(self.run.path)!r}: {len(self.arms)} arms>"

    @property
    def arms(self) -> tuple[TunedArm, ...]:
        """What was chosen for each arm; empty where trials are still missing."""
        return () if self.plan is None else self.plan.study.tuned

    def to_frame(self) -> pd.DataFrame:
        """A row per arm: trials tried, failed and stopped, which was chosen, its settings, val as written and tuned."""
        from raysat.reporting.render.frames import make_frame

        fields = ("tried", "failed", "stopped", "chosen", "settings", "written_val", "val")
        rows = [
            {"arm": name} | {field: getattr(each, field) for field in fields} | {"settings": ", ".join(each.settings)}
            for name, each in self._named()
        ]
        return make_frame(Rows(index=("arm",), columns=fields, rows=rows))

    @override
    def show(self, console: Console) -> None:
        if self.plan is None:
            console.print(f"{self.run.path.name}: the same call again trains what is missing")
            return
        table = plain_table("arm", "trials", "val, as written", "tuned", "chosen")
        for name, each in self._named():
            written = "failed" if each.written_val is None else f"{each.written_val:.3f}"
            chosen = Text(", ".join(each.settings) or "as written")
            tried = f"{each.tried}" + (f", {each.stopped} stopped" if each.stopped else "")
            table.add_row(Text(name), tried, written, f"{each.val:.3f}", chosen)
        console.print(table)

    def _named(self) -> Iterator[tuple[str, TunedArm]]:
        if self.plan is not None:
            yield from zip((arm.name for arm in self.plan.study.arms), self.arms, strict=True)


@checked
def tune_arms(
    study: build.Plan | Study | Source,
    data: Store | Path | str | None = None,
    *,
    out: AnyPath | str = "runs",
    cluster: ClusterOptions | None = None,
    reuse_epochs: bool = True,
    on_event: OnEvent | None = None,
    cache: AnyPath | str | None = None,
) -> TunedArms:
    """Tune each arm of a study by equally many trials, judged on the val split, as ``tune`` in the study says.

    They are a run of their own, ``out/<study>-tune``; the same call again trains only what is missing. Trials that
    fail by a fault of their own, as at too high a rate, count as tried. With ``rounds`` the better half of
    each arm's trials goes on after each.

    Args:
        study: what to tune: a plan, a study, or what ``load_study`` reads one from.
        data: a patch store, its path or URL, or ``demo``, which is the default; a plan has its own.
        out: the folder of runs, or its URL.
        cluster: the machine or cluster, and what each trial gets of it; by default all of this machine.
        reuse_epochs: train epochs that trials have in common once; the numbers are the same.
        on_event: is told how it goes; by default a notebook shows a live table, and a script nothing.
        cache: a folder or URL where studies share finished work.

    Returns:
        What was chosen; ``plan`` is that of the study with it, beside the arms as they were written.

    Raises:
        UsageError: a mistake in the study, which must tune something; an arm all of whose trials have failed.
        ClusterError: as ``ablate``.
        StorageError: as ``ablate``.
    """
    cluster = cluster or ClusterOptions()
    if not isinstance(study, build.Plan):
        study = plan(study, data, workers=cluster.workers, reuse_epochs=reuse_epochs)
    asked = study.study
    if asked.tune is None:
        raise UsageError(f"{asked.name} tunes no arm", hint="say in the study what each is to be tuned over: tune: ...")
    prepared = partial(
        prepare,
        store=study.store,
        data=study.data,
        workers=study.workers,
        reuse_epochs=reuse_epochs,
        command=study.command,
    )
    if not len(study.store.indices("val")):
        message = f"{study.store.path} has no val split, and settings must not be chosen by the test split"
        raise PlanError(message, hint="import the data with a val split")
    trials = arm_trials(asked)
    # Those of every round, whoever reaches it: what cannot be trained is said before anything is.
    whole = prepared(tuning_study(asked, trials))
    ids = {arm: seeds[asked.tune.seed] for arm, seeds in whole.trial_ids.items()}
    ledger, _ = run_folder(as_path(out), whole.study.name)
    told, before, tried = on_event or default_view(), 0, _so_far(asked.tune, trials, ids, ledger)
    while len(tried) > before:
        tuning = whole if len(tried) == len(trials) else prepared(tuning_study(asked, tried))
        rest = trials_to_come(asked.tune, trials, ids, tried[-1].in_round)
        later = [trial for trial in whole.trials if trial.id in rest]
        trained = train_plan(tuning, as_path(out), cluster, told, cache=cache, leave_failed=True, later=later)
        run, ledger, before = Run(ledger=trained.ledger, outcome=trained.outcome), trained.ledger, len(tried)
        if not all(is_settled(ledger, trial.id) for trial in tuning.trials):
            return TunedArms(run=run, plan=None)
        tried = _so_far(asked.tune, trials, ids, ledger)
    return TunedArms(run=run, plan=as_shown(Plan, prepared(tuned_study(asked, tried, ids, ledger))))


def _so_far(
    tuning: Tuning, trials: tuple[ArmTrial, ...], ids: Mapping[str, str], ledger: Ledger
) -> tuple[ArmTrial, ...]:
    return trials_so_far(tuning, trials, ids, ledger, is_settled=partial(is_settled, ledger))
