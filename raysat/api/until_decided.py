"""Studies that grow: seeds are added in blocks, to all arms, until each planned contrast is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from typing_extensions import override

from raysat.api.ablation import ablate
from raysat.api.arm_tuning import tune_arms
from raysat.api.contrasts import growth
from raysat.api.runs import Run
from raysat.api.stores import Store
from raysat.api.studies import plan
from raysat.config import limits
from raysat.config.arguments import GrownSeeds, checked
from raysat.errors import PlanError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent
from raysat.execution.prepare import prepare
from raysat.files import AnyPath, as_path
from raysat.formatting import plural
from raysat.planning.build import Plan
from raysat.reporting.analysis.looks import Decision, Looked, looked_at, take_look
from raysat.reporting.render.rows import Rows
from raysat.storage.artifacts import run_folder
from raysat.storage.ledger import Ledger
from raysat.storage.looks_file import Looks, read_looks, write_looks
from raysat.study.load import Study
from raysat.study.source import Source
from raysat.views.looks import show_looked
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

_ELSEWHERE: Final = "name this study otherwise (study: ...), or give another {--out}: to look anew would not hold 5 %"
_FEW: Final = 6  # looks that an error names
OnLook = Callable[[Looked], None]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Grown(Shown):
    """A study that was given seeds until its contrasts were decided, or until it was stopped."""

    run: Run
    looked: Looked | None  # None where no look was taken yet

    def __repr__(self) -> str:
        taken = len(self.looked.seeds) if self.looked else 0
        return f"<Grown {str(self.run.path)!r}: {plural(taken, 'look')}>"

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided of each planned contrast, in their order."""
        return self.looked.decisions if self.looked else ()

    @property
    def ended(self) -> bool:
        """Whether no further look is to be taken: all is decided, or the seeds are spent."""
        return self.looked is not None and self.looked.ended

    def to_frame(self) -> pd.DataFrame:
        """A row per planned contrast: difference and interval that hold over all looks, p, p_holm, when decided."""
        from raysat.reporting.render.frames import make_frame

        fields = ("value", "low", "high", "p", "p_holm", "decided_at", "pairs")
        rows = [each.contrast.model_dump() | {name: getattr(each, name) for name in fields} for each in self.decisions]
        return make_frame(Rows(index=("arm", "to", "metric"), columns=fields, rows=rows))

    @override
    def show(self, console: Console) -> None:
        if self.looked is not None:
            show_looked(self.looked, console)


@checked
def ablate_until_decided(
    study: Plan | Study | Source,
    data: Store | Path | str | None = None,
    *,
    max_seeds: GrownSeeds = limits.GROWN,
    out: AnyPath | str = "runs",
    cluster: ClusterOptions | None = None,
    reuse_epochs: bool = True,
    on_event: OnEvent | None = None,
    on_look: OnLook | None = None,
    cache: AnyPath | str | None = None,
) -> Grown:
    """Train a study, adding seeds in blocks to all arms until each planned contrast is decided or the seeds are spent.

    A block is as many seeds as the study has, two at least; after each one all contrasts are tested, so that 5 % holds
    over all looks (``docs/until-decided.md``). Arms that are to be tuned are tuned first.
    Stopped at any point, the same call goes on and takes the same looks.

    Args:
        study: what to train: a plan, a study, or what ``load_study`` reads one from. Without ``compare`` each arm is
            compared with the reference.
        data: a patch store, its path or URL, or ``demo``, which is the default; a plan has its own.
        max_seeds: of every arm, at most; it decides how strictly each look tests, and stays once looks were taken.
        out: the folder of runs, or its URL; this one goes to ``out/<study>``.
        cluster: the machine or cluster, and what each trial gets of it; by default all of this machine.
        reuse_epochs: train epochs that trials have in common once; the numbers are the same.
        on_event: is told how it goes, as by ``ablate``, block by block.
        on_look: is told what is decided after each look.
        cache: a folder or URL where studies share finished work.

    Returns:
        The run and what was decided. A failed or interrupted block ends it without a look at that block.

    Raises:
        UsageError: a mistake in the study, no contrast to decide, fewer seeds allowed than the study has, or than one
            look needs; a run that was looked at for other contrasts, by other looks or with other trials.
        ClusterError: as ``ablate``.
        StorageError: as ``ablate``.
    """
    cluster = cluster or ClusterOptions()
    if not isinstance(study, Plan):
        study = plan(study, data, workers=cluster.workers, reuse_epochs=reuse_epochs)
    if study.study.tune is not None:
        growth(study, max_seeds)  # what cannot be decided is said before anything is tuned
        tuned = tune_arms(study, out=out, cluster=cluster, reuse_epochs=reuse_epochs, on_event=on_event, cache=cache)
        if tuned.plan is None:
            return Grown(run=tuned.run, looked=None)
        study = tuned.plan
    contrasts, sizes = growth(study, max_seeds)
    first = replace(study, study=replace(study.study, compare=contrasts))
    ledger, _ = run_folder(as_path(out), first.study.name)
    looks = _open_looks(ledger, first, sizes)
    looked = looked_at(looks) if looks.looks else None
    while True:
        ended = looked is not None and looked.ended  # then what is missing is trained, and no look is taken
        size = looks.sizes[len(looks.looks) - ended]
        grown = _with_seeds(first, size, reuse_epochs=reuse_epochs)
        _check_trials(looks, grown, ledger)
        run = ablate(grown, out=out, cluster=cluster, on_event=on_event, cache=cache)
        if not ended and run.is_complete:
            looks = looks.model_copy(update={"looks": (*looks.looks, take_look(ledger, looks))})
            write_looks(ledger.root, looks)
            looked = looked_at(looks)
            if on_look is not None:
                on_look(looked)
        if ended or not run.is_complete or (looked is not None and looked.ended):
            return Grown(run=run, looked=looked)


def more_seeds(seeds: tuple[int, ...], number: int) -> tuple[int, ...]:
    """Return a study's seeds, and after them the lowest that it lacks: of ``seeds: 5`` those of ``seeds: 10``.

    Args:
        seeds: of the study.
        number: of them in all.
    """
    lacking = (seed for seed in range(number) if seed not in seeds)
    return (*seeds, *lacking)[:number]


def _with_seeds(first: Plan, size: int, *, reuse_epochs: bool) -> Plan:
    """The same plan of so many seeds."""
    study = replace(first.study, seeds=more_seeds(first.study.seeds, size))
    return prepare(
        study,
        first.store,
        data=first.data,
        workers=first.workers,
        reuse_epochs=reuse_epochs,
        command=first.command,
    )


def _open_looks(ledger: Ledger, first: Plan, sizes: tuple[int, ...]) -> Looks:
    """The looks of a run so far, or those that are laid down now. Raises PlanError where it has others."""
    contrasts = first.to_file().compare
    new = Looks(contrasts=contrasts, sizes=sizes)
    found = read_looks(ledger.root)
    if found is None or not found.looks:
        return new
    if found.contrasts != contrasts:
        raise _other_looks(ledger, "for other contrasts")
    if found.sizes != new.sizes:
        hint = f"go on with {{--max-seeds}} {found.sizes[-1]} and the same seeds, or {_ELSEWHERE}"
        raise PlanError(f"{ledger.root} has looks {_at(found.sizes)}, not {_at(new.sizes)}", hint=hint)
    return found


def _check_trials(looks: Looks, grown: Plan, ledger: Ledger) -> None:
    """Raise PlanError where earlier looks were at other trials than the plan has: other settings, data or raysat."""
    if not looks.are_of(grown.to_file()):
        raise _other_looks(ledger, "with other trials")


def _other_looks(ledger: Ledger, how: str) -> PlanError:
    return PlanError(f"{ledger.root} was looked at {how} before", hint=_ELSEWHERE)


def _at(sizes: tuple[int, ...]) -> str:
    few = [str(size) for size in sizes] if len(sizes) <= _FEW else [str(sizes[0]), str(sizes[1]), "...", str(sizes[-1])]
    return f"at {', '.join(few)} seeds"
