"""Trains studies: every trial that is not finished yet, and where a study tunes its arms those that tune them first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raysat.api.arm_tuning import tune_arms
from raysat.api.runs import Run
from raysat.api.stores import Store
from raysat.api.studies import plan
from raysat.api.tracking import trackers
from raysat.config.arguments import checked
from raysat.errors import UsageError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import OnEvent, to_all
from raysat.execution.train_plan import train_plan
from raysat.files import AnyPath, as_path
from raysat.planning.build import Plan as AnyPlan
from raysat.reporting.render.run import read_leaderboard, write_leaderboard
from raysat.study.load import Study
from raysat.study.source import Source
from raysat.tracking.models import TrackerKind
from raysat.views.notebook import default_view


@checked
def ablate(
    study: AnyPlan | Study | Source,
    data: Store | Path | str | None = None,
    *,
    out: AnyPath | str = "runs",
    cluster: ClusterOptions | None = None,
    reuse_epochs: bool = True,
    on_event: OnEvent | None = None,
    cache: AnyPath | str | None = None,
    track: Sequence[TrackerKind] = (),
) -> Run:
    """Train every trial of a study that is not finished yet, and write the leaderboard.

    Finished trials are kept whatever happens; the same call again trains only what is missing. A study that tunes its
    arms (``tune``) does so first, as ``tune_arms``.

    Args:
        study: what to train: a plan, a study, or what ``load_study`` reads one from.
        data: a patch store, its path or URL, or ``demo``, which is the default; a plan has its own. Of a study with
            several stores, one of ``study.stores``; of one with folds, one of ``fold_stores``.
        out: the folder of runs, or its URL (``s3://bucket/runs``); this one goes to ``out/<study>``.
        cluster: the machine or cluster, and what each trial gets of it; by default all of this machine.
        reuse_epochs: train epochs that trials have in common once; a plan says so itself.
        on_event: is told how it goes; by default a notebook shows a live table, and a script nothing.
        cache: a folder or URL where studies share finished work: trials are taken from there, and offered to it.
        track: trackers that each trial is sent to while it trains, from processes of their own (``docs/trackers.md``).

    Returns:
        The run; ``outcome`` says how many jobs finished and failed, and whether it was interrupted. Where the tuning
        of arms did not come to its end, the run of that.

    Raises:
        UsageError: a mistake in the study, or an arm that cannot train on the data.
        InstallationError: the package of a tracker is missing.
        ClusterError: Ray cannot be reached or started, or has not the resources that a trial asks for.
        StorageError: another process fills this run; or a record cannot be written: finished ones stay.
    """
    cluster = cluster or ClusterOptions()
    if not isinstance(study, AnyPlan):
        study = plan(study, data, workers=cluster.workers, reuse_epochs=reuse_epochs)
    elif cluster.workers not in (1, study.workers):
        raise UsageError(f"the plan is for {study.workers} workers per trial, not {cluster.workers}")
    on_event = on_event or default_view()
    if study.study.tune is not None:
        tuned = tune_arms(study, out=out, cluster=cluster, reuse_epochs=reuse_epochs, on_event=on_event, cache=cache)
        if tuned.plan is None:
            return tuned.run
        study = tuned.plan
    with trackers(as_path(out) / study.study.name, track) as tracking:
        trained = train_plan(study, as_path(out), cluster, to_all(on_event, tracking), cache=cache)
        results = read_leaderboard(trained.ledger, trained.known)
        files = write_leaderboard(*results, trained.ledger.root)
        tracked = tracking.end(interrupted=trained.outcome.interrupted)
    return Run(ledger=trained.ledger, outcome=trained.outcome, files=tuple(files), results=results, tracked=tracked)
