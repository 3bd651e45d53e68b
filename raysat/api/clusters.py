"""Clusters: what is wrong in a file for ``ray up``, what a study would cost there, and how Grafana shows its runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raysat.api.studies import Plan
from raysat.config.arguments import Port, checked
from raysat.errors import UsageError
from raysat.execution.cluster_file.checks import Demand, findings
from raysat.execution.cluster_file.cost import Cost, costs
from raysat.execution.cluster_file.finding import Finding
from raysat.execution.cluster_file.reading import ClusterFile, read_cluster_file
from raysat.execution.monitoring.setup import MetricsSetup, set_up
from raysat.files import AnyPath, as_path
from raysat.planning.stages import train_jobs


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClusterPlan:
    """The file of a cluster that ``ray up`` would start."""

    path: AnyPath
    file: ClusterFile

    def __repr__(self) -> str:
        return f"<ClusterPlan {str(self.path)!r}>"

    @checked
    def check(
        self, *, workers: int = 1, cpus_per_trial: float | None = None, gpus_per_trial: float | None = None
    ) -> tuple[Finding, ...]:
        """Look for what is wrong in the file, before it costs anything.

        Args:
            workers: data-parallel ones of each trial that is to run there.
            cpus_per_trial: CPUs of each worker.
            gpus_per_trial: GPUs of each worker.

        Returns:
            What was found: errors first, then risks.
        """
        return tuple(findings(self.file, Demand(workers=workers, cpus=cpus_per_trial, gpus=gpus_per_trial)))

    @checked
    def price(self, plan: Plan, rate: float) -> tuple[Cost, ...]:
        """Say what training a study would cost on each kind of worker.

        Args:
            plan: of the study; what it shares is trained once.
            rate: images a second of one machine, as ``benchmarks/gpu.py`` or an earlier run says.

        Returns:
            A cost for each machine that may be taken, the first choice first.

        Raises:
            UsageError: the rate is not above zero, or a node type has no price.
        """
        if not rate > 0:
            raise UsageError(f"{{--rate}} must be above 0, not {rate:g}")
        jobs = train_jobs(plan.trials)
        return costs(self.file, images(plan), rate, jobs=len(jobs))


@checked
def set_up_metrics(
    out: Path | str = "raysat-metrics",
    *,
    temp_dir: Path | str | None = None,
    prometheus_port: Port = 9090,
    grafana_port: Port = 3000,
    replace: bool = False,
) -> MetricsSetup:
    """Write, on a cluster's head, all that Prometheus and Grafana need to show its runs: all files, or none.

    Args:
        out: folder to write to.
        temp_dir: where Ray keeps its files there, if not in ``/tmp/ray`` (``ray start --temp-dir``).
        prometheus_port: of Prometheus, on loopback.
        grafana_port: of Grafana, on loopback.
        replace: write files anew that are there and differ.

    Returns:
        What was written, the commands that start the two, and the variables that Ray's head is to start with.

    Raises:
        UsageError: a file is there and differs, or the folder cannot be used.
        StorageError: a file cannot be read or written.
    """
    ray = None if temp_dir is None else Path(temp_dir)
    return set_up(as_path(out), ray=ray, prometheus=prometheus_port, grafana=grafana_port, replace=replace)


@checked
def load_cluster(path: Path | str) -> ClusterPlan:
    """Read a file for ``ray up``. Raises UsageError, with its line, where Ray would not take it."""
    found = as_path(path)
    return ClusterPlan(path=found, file=read_cluster_file(found))


def images(plan: Plan) -> float:
    """Images that pass through networks in training, after sharing."""
    return float(sum(job.samples_seen for job in train_jobs(plan.trials)))
