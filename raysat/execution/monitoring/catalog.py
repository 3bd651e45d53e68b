"""The metrics of a run, each once: its name, what it counts, in what unit, by which labels, and who exports it.

``docs/metrics.md`` has this as a table. Names and labels are stable: boards and alerts of others stand on them. Ray
puts ``ray_`` before each name, and adds labels of its own: ``NodeAddress`` and ``WorkerId`` say who exports it.

An agent of Ray's forgets a gauge that nobody sets for two of its intervals (20 s), a counter never. So only gauges have
labels of single trials: what an agent holds grows with the trials that train now, not with those of a study.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Kind(StrEnum):
    """What Prometheus may do with a metric."""

    GAUGE = "gauge"  # goes up and down
    COUNTER = "counter"  # only grows
    HISTOGRAM = "histogram"


class TrialState(StrEnum):
    """How a trial or generator is doing, in the words of ``raysat status``."""

    MISSING = "missing"  # not begun
    RUNNING = "running"
    WAITING = "waiting"  # for a slot, after its worker died
    DONE = "done"  # those of earlier runs included
    STOPPED = "stopped"  # early, by a search
    FAILED = "failed"


class JobState(StrEnum):
    """Where a job is that may run."""

    RUNNING = "running"
    WAITING = "waiting"  # for nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """One metric."""

    name: str
    kind: Kind
    unit: str  # none for plain numbers
    labels: tuple[str, ...]
    meaning: str
    exporter: Literal["driver", "worker"]
    buckets: tuple[float, ...] = ()  # upper bounds; of a histogram alone

    @property
    def series(self) -> str:
        """Its name in Prometheus; of a histogram without ``_bucket``, ``_sum`` and ``_count``."""
        return f"ray_{self.name}" + "_total" * (self.kind is Kind.COUNTER)


_STUDY: Final = ("study",)
_TRIAL: Final = ("study", "arm", "seed")
_WORK: Final = ("study", "kind")  # kind: train or generate

ACTIVE: Final = MetricInfo(
    name="raysat_run_active",
    kind=Kind.GAUGE,
    unit="",
    labels=_STUDY,
    meaning="1 while the run goes on, 0 once it has ended in order; one that vanishes at 1 has lost its driver",
    exporter="driver",
)
TRIALS: Final = MetricInfo(
    name="raysat_trials",
    kind=Kind.GAUGE,
    unit="trials",
    labels=(*_STUDY, "state"),
    meaning=f"trials and generators by state: {', '.join(TrialState)}",
    exporter="driver",
)
JOBS: Final = MetricInfo(
    name="raysat_jobs",
    kind=Kind.GAUGE,
    unit="jobs",
    labels=(*_STUDY, "state"),
    meaning="jobs that are running, and those waiting for nodes; trials that share epochs are one job",
    exporter="driver",
)
SLOTS: Final = MetricInfo(
    name="raysat_slots",
    kind=Kind.GAUGE,
    unit="jobs",
    labels=_STUDY,
    meaning="jobs for which the nodes have room at a time, other drivers aside",
    exporter="driver",
)
NODES: Final = MetricInfo(
    name="raysat_nodes",
    kind=Kind.GAUGE,
    unit="nodes",
    labels=_STUDY,
    meaning="nodes of the cluster that are alive, the head included",
    exporter="driver",
)
SECONDS_LEFT: Final = MetricInfo(
    name="raysat_seconds_left",
    kind=Kind.GAUGE,
    unit="seconds",
    labels=_STUDY,
    meaning="time that the run still takes, as raysat status says it; none while there is no telling",
    exporter="driver",
)
RETRIES: Final = MetricInfo(
    name="raysat_retries",
    kind=Kind.GAUGE,
    unit="jobs",
    labels=_STUDY,
    meaning="times in this run that a job was tried again since its worker had died by itself",
    exporter="driver",
)
LOST_NODES: Final = MetricInfo(
    name="raysat_lost_nodes",
    kind=Kind.GAUGE,
    unit="nodes",
    labels=_STUDY,
    meaning="nodes that were lost in this run while jobs ran there, which went on elsewhere",
    exporter="driver",
)
PROGRESS_TIME: Final = MetricInfo(
    name="raysat_progress_time_seconds",
    kind=Kind.GAUGE,
    unit="seconds since 1970",
    labels=_STUDY,
    meaning="when the run last got on: an epoch, a start or an end of a trial",
    exporter="driver",
)
TRIAL_PROGRESS_TIME: Final = MetricInfo(
    name="raysat_trial_progress_time_seconds",
    kind=Kind.GAUGE,
    unit="seconds since 1970",
    labels=_TRIAL,
    meaning="of each trial that runs: when it last got on, by an epoch or its start",
    exporter="driver",
)
TRIAL_EPOCHS: Final = MetricInfo(
    name="raysat_trial_epochs",
    kind=Kind.GAUGE,
    unit="epochs",
    labels=_TRIAL,
    meaning="of each trial that runs: epochs done, those from a checkpoint included; of a generator steps",
    exporter="driver",
)
IMAGES: Final = MetricInfo(
    name="raysat_images",
    kind=Kind.COUNTER,
    unit="images",
    labels=_WORK,
    meaning="images that steps took, augmented views and second passes included; kind is train or generate",
    exporter="worker",
)
EPOCHS: Final = MetricInfo(
    name="raysat_epochs",
    kind=Kind.COUNTER,
    unit="epochs",
    labels=_STUDY,
    meaning="epochs trained; epochs that trials share count once",
    exporter="worker",
)
IMAGES_PER_S: Final = MetricInfo(
    name="raysat_images_per_second",
    kind=Kind.GAUGE,
    unit="images per second",
    labels=_TRIAL,
    meaning="of each trial that runs: images of its steps in the last half minute, evaluation and saving included",
    exporter="worker",
)
LOSS: Final = MetricInfo(
    name="raysat_training_loss",
    kind=Kind.GAUGE,
    unit="",
    labels=_TRIAL,
    meaning="of each trial that runs: mean loss of its last epoch",
    exporter="worker",
)
BALANCED_ACCURACY: Final = MetricInfo(
    name="raysat_balanced_accuracy",
    kind=Kind.GAUGE,
    unit="ratio",
    labels=_TRIAL,
    meaning="of each trial that runs: on the validation split after its last epoch",
    exporter="worker",
)
CHECKPOINT_SECONDS: Final = MetricInfo(
    name="raysat_checkpoint_seconds",
    kind=Kind.HISTOGRAM,
    unit="seconds",
    labels=_STUDY,
    meaning="what it took to write each checkpoint, beside the training; Ray makes its sum of the buckets' middles",
    exporter="worker",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0),
)
CHECKPOINT_BYTES: Final = MetricInfo(
    name="raysat_checkpoint_bytes",
    kind=Kind.COUNTER,
    unit="bytes",
    labels=_STUDY,
    meaning="bytes of the checkpoints that were written",
    exporter="worker",
)
GPU_SHARE: Final = MetricInfo(
    name="raysat_gpu_share",
    kind=Kind.GAUGE,
    unit="GPUs",
    labels=_WORK,
    meaning="GPUs that Ray has reserved for a worker at work: 0.25 is a quarter of one; nothing on CPUs",
    exporter="worker",
)
GPU_MEMORY: Final = MetricInfo(
    name="raysat_gpu_memory_bytes",
    kind=Kind.GAUGE,
    unit="bytes",
    labels=_WORK,
    meaning="GPU memory that PyTorch holds in a worker at work, patches that trials share left out; nothing on CPUs",
    exporter="worker",
)
METRICS: Final = (
    ACTIVE,
    TRIALS,
    JOBS,
    SLOTS,
    NODES,
    SECONDS_LEFT,
    RETRIES,
    LOST_NODES,
    PROGRESS_TIME,
    TRIAL_PROGRESS_TIME,
    TRIAL_EPOCHS,
    IMAGES,
    EPOCHS,
    IMAGES_PER_S,
    LOSS,
    BALANCED_ACCURACY,
    CHECKPOINT_SECONDS,
    CHECKPOINT_BYTES,
    GPU_SHARE,
    GPU_MEMORY,
)
