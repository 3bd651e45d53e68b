"""Binds a search to its data and its run, and checks that every candidate can train there; imports no ray."""

from __future__ import annotations

from dataclasses import dataclass

from raysat.data.store import PatchStore
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.prepare import prepare
from raysat.files import AnyPath
from raysat.search.load import Search, boundary_study
from raysat.search.log import Log, open_log
from raysat.storage.artifacts import Artifacts, run_folder
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSearch:
    """A search that can run."""

    search: Search
    data: str  # the name of the store
    store: PatchStore
    cluster: ClusterOptions
    ledger: Ledger
    artifacts: Artifacts
    log: Log  # what was tried before


def prepare_search(
    search: Search, store: PatchStore, *, data: str, out: AnyPath, cluster: ClusterOptions
) -> PreparedSearch:
    """Bind a search to its data and its run.

    Args:
        search: what is to be searched.
        store: the patches.
        data: the name that the store goes by.
        out: the folder of all runs.
        cluster: what to run on.

    Returns:
        The search with what it needs.

    Raises:
        UsageError: some candidate cannot train on this store, or the run holds another search.
        StorageError: the log of what was tried is damaged.
    """
    prepare(boundary_study(search), store, data=data, workers=cluster.workers)
    ledger, artifacts = run_folder(out, search.name)
    log = open_log(ledger.root, search, store, data=data, workers=cluster.workers)
    return PreparedSearch(
        search=search, data=data, store=store, cluster=cluster, ledger=ledger, artifacts=artifacts, log=log
    )
