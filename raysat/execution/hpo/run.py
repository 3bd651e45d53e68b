"""Runs a search on Ray: trains its candidates in warm slots until the budget is spent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from raysat.config import limits
from raysat.execution.check_models import check_models
from raysat.execution.events import OnEvent, ignore
from raysat.execution.hpo.asha import Halving
from raysat.execution.hpo.prepare import PreparedSearch
from raysat.execution.hpo.searcher import CandidateSearcher
from raysat.execution.run_state import RunState
from raysat.execution.session import session
from raysat.execution.workload import Workload
from raysat.files import write_atomic
from raysat.planning.resolve import resolve_config
from raysat.search.load import boundary_study
from raysat.search.log import Log, open_log
from raysat.search.options import Asha


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """How a search ended."""

    log: Log
    interrupted: bool  # there is something left to resume
    exhausted: bool  # every configuration of the space was tried


def tune(prepared: PreparedSearch, on_event: OnEvent = ignore) -> SearchResult:
    """Spend what is left of a search's budget; ``on_event`` is told how it goes.

    Raises:
        PlanError: the run holds another search, or a model that timm does not know.
        PluginError: a plugin's model that cannot be made.
        TrainingError: pretrained weights that cannot be had.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        StorageError: another raysat fills this run; or a record cannot be written: finished ones stay.
    """
    search, store, ledger, cluster = prepared.search, prepared.store, prepared.ledger, prepared.cluster
    ends = tuple(resolve_config(arm.config, store) for arm in boundary_study(search).arms)
    check_models(ends, store)
    workload = Workload(jobs=search.options.budget.trials or limits.CANDIDATES, networks=ends, shares_cores=False)
    with session(search.name, store, ledger, prepared.artifacts, cluster, on_event, workload=workload) as active:
        # Read again under the lock: another raysat may have continued the search since it was prepared.
        log = open_log(ledger.root, search, store, data=prepared.data, workers=cluster.workers)
        write_atomic(ledger.root / "study.yaml", search.text)
        pruner, budget = search.options.pruner, search.options.budget
        halving = Halving(pruner, search.base.optim.epochs) if isinstance(pruner, Asha) else None
        samples = log.left(budget)
        run_state = RunState(
            already_done=len(log.ended), expected=samples if budget.trials else None, eta_per_item=True
        )
        searcher = CandidateSearcher(
            replace(prepared, log=log),
            halving,
            run_state.add,
            retries=active.retries,
            room=active.slots.allowed,
            avoided=lambda: active.slots.avoided,
        )
        ledger.checkpoints.tidy()
        searcher.sweep()
        try:
            active.tune(searcher, run_state, jobs=samples, scheduler=halving)
        finally:
            searcher.save_log()  # however it ended: a budget of hours counts what was interrupted too
            searcher.sweep()
        if searcher.error:
            raise searcher.error
        state = searcher.state
        return SearchResult(log=searcher.log, interrupted=state.interrupted, exhausted=state.exhausted)
