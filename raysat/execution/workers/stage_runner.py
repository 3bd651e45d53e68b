"""Trains a job's stages on a worker: from the nearest checkpoint, saving on the way, reading out each trial's end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from raysat.data.store import Split
from raysat.errors import StorageError, TrainingError
from raysat.execution.messages import (
    EpochDone,
    JobDone,
    Message,
    Score,
    StateSaved,
    StepsTimed,
    StorageFailed,
    StoreTold,
    TrialDone,
)
from raysat.execution.monitoring.worker_metrics import JobMetrics, job_metrics
from raysat.execution.storage.run_files import RunFiles
from raysat.execution.workers.energy import energy_meter
from raysat.execution.workers.node_stores import open_store
from raysat.execution.workers.patch_holder import WantedPatches, mapped_pixels
from raysat.execution.workers.records import describe_hardware, trained_files
from raysat.execution.workers.termination import finishes_at_sigterm, saves_at_sigterm
from raysat.execution.workers.worker_context import WorkerContext, WorkerGroup
from raysat.metrics.confusion import Metrics
from raysat.planning.jobs import PlannedTrial
from raysat.planning.stages import TrainJob
from raysat.storage.artifacts import Artifacts
from raysat.training.checkpoint import TrainingState, decode
from raysat.training.checkpoint_writer import CheckpointWriter
from raysat.training.loop import Training
from raysat.training.results import EpochReport
from raysat.training.stopwatch import Part, Stopwatch


def run_train_job(job: TrainJob, context: WorkerContext, group: WorkerGroup, *, device: torch.device) -> None:
    """Train a job to its end, or until a search has stopped it; rank zero writes and reports.

    States are saved beside the training. Those at which jobs leave this one always are, and each is reported when it is
    on disk: they may then start. Of epochs that a checkpoint brings, the last is reported, or all where a search wants
    the whole history.

    Args:
        job: what to train.
        context: where its data are, and where records, checkpoints and messages go.
        group: this worker's place among those that train together.
        device: what it trains on.

    Raises:
        DivergedError: the loss or the scores became NaN or infinite.
        StorageError: a record or a checkpoint cannot be written.
        StoreError: the store or generated patches cannot be opened.
    """
    settings, storage, last, watch = context.settings, context.storage, job.trials[-1], Stopwatch[Part]()
    unfinished = group.broadcast(storage.unfinished([trial.id for trial in job.trials]))

    def report(message: Message) -> None:
        if group.is_rank_zero:
            context.outbox.put(message)

    def report_end(trial: PlannedTrial, score: Score | None = None) -> None:
        if trial is last:
            report(JobDone(job=job.id, score=score, seconds=watch.seconds))
        else:
            report(TrialDone(job=job.id, trial=trial.id, score=score))

    if not unfinished:  # an earlier attempt did it all, and its report died with it
        for trial in job.trials:
            report_end(trial)
        return
    artifacts, driver = Artifacts(settings.artifacts), settings.storage.driver
    with watch.timing(Part.SETUP):
        store = open_store(
            settings.store, settings.digest, driver, tell=lambda news: report(StoreTold(job=job.id, news=news))
        )
        generated = [open_store(artifacts.path(need), storage.digest(need), driver, job=need) for need in last.needs]
        started, first_end = time.time(), next(trial.epochs for trial in job.trials if trial.id in unfinished)
        begin = partial(
            Training,
            last.trial,
            store,
            generated=generated,
            averages=[(tracked.average, tracked.epochs) for tracked in job.tracked_averages],
            device=device,
            shared=partial(_shared_pixels, settings.holders, group.node, last.needs) if settings.holders else None,
            eager=settings.eager,
            stopwatch=watch,
            on_pace=lambda images_per_s: report(StepsTimed(job=job.id, images_per_s=images_per_s)),
        )
        training = _resume(job, first_end, begin, storage, group) or begin()
        meter = energy_meter(settings, epoch=training.epoch, leads=group.is_rank_zero)
    for epoch in training.history if job.replay_history else training.history[-1:]:
        report(_epoch_done(job, epoch, from_checkpoint=True))
    if training.epoch:
        report(StateSaved(job=job.id, epoch=training.epoch))
    with (
        job_metrics(
            settings.study,
            "train",
            images=lambda: training.samples_taken,
            device=device,
            gpus=settings.gpus,
            leads=group.is_rank_zero,
        ) as metrics,
        _saving(job, training.epoch, context, metrics) as writer,
    ):

        def end(trial: PlannedTrial, score: Score | None = None) -> None:
            if trial is last:
                with watch.timing(Part.CHECKPOINTS):
                    writer.close()  # what follows the end of a job would be taken for the next one's
            report_end(trial, score)

        for trial in job.trials:
            if trial.id not in unfinished:  # its report may have died with an earlier worker
                end(trial)
                continue
            metrics.trial(trial.name, trial.seed)
            while training.epoch < trial.epochs:
                for average in training.averages - job.averages_needed(training.epoch + 1):
                    training.drop_average(average)
                epoch = training.advance()
                metrics.epoch_done(epoch.loss, epoch.metrics.balanced_accuracy)
                if group.is_rank_zero and (left := last.epochs - training.epoch):
                    with watch.timing(Part.CHECKPOINTS):
                        writer.offer(
                            training.state,
                            training.epoch,
                            needed=training.epoch in job.fork_epochs,
                            seconds_left=left * epoch.seconds,
                        )
                report(_epoch_done(job, epoch))
                if job.stoppable and group.broadcast(not context.inbox.empty()):
                    return  # the slot has another job already, or none any more
            result = training.result(trial.trial.config.average, trial.trial.config.readout)
            if group.is_rank_zero:
                with watch.timing(Part.RECORDS):
                    files = trained_files(
                        trial,
                        result,
                        store,
                        generated,
                        started=started,
                        hardware=describe_hardware(settings, group),
                        energy=None if meter is None else meter.take(training.epoch),
                    )
                    with finishes_at_sigterm():
                        storage.write_record(trial.id, files)
            end(trial, _score(result.metrics[training.validation_split]))


def _shared_pixels(
    holders: Any, node: str, needs: tuple[str, ...], splits: tuple[Split, ...], bands: tuple[str, ...]
) -> dict[Split, Tensor] | None:
    return mapped_pixels(holders, node, WantedPatches(splits=splits, bands=bands, needs=needs))


def _resume(
    job: TrainJob, last_epoch: int, begin: Callable[[], Training], storage: RunFiles, group: WorkerGroup
) -> Training | None:
    """Resume from the deepest checkpoint, up to an epoch, that serves all workers; None where none does."""
    states = job.states[last_epoch:0:-1]
    while (state := group.broadcast(storage.find_state(states))) is not None:
        states = states[states.index(state) + 1 :]  # where to look if this one does not serve
        training = begin()  # anew each time: a checkpoint that does not serve may be half read
        is_restored = _restore(training, storage.read_state(state), job, job.states.index(state))
        if group.broadcast(is_restored):
            if not is_restored:
                raise RuntimeError(f"the checkpoint {state}, from which rank zero resumes, cannot be read here")
            return training
    return None


def _restore(training: Training, content: bytes, job: TrainJob, epoch: int) -> bool:
    """Read a checkpoint, unless it lacks an average that is needed now, or is of another epoch, raysat or torch."""
    try:
        state = decode(content)
        if state.epoch != epoch:
            return False
        for average in training.averages - state.averages.keys() - job.averages_needed(state.epoch):
            training.drop_average(average)
        training.restore(state)
    except TrainingError:
        return False
    return True


@contextmanager
def _saving(job: TrainJob, epoch: int, context: WorkerContext, metrics: JobMetrics) -> Iterator[CheckpointWriter]:
    """Have what saves a job's states, on SIGTERM too.

    A checkpoint replaces the one before when it is on disk, unless others may start there. Those at forks, and of
    epochs that the job shares with its parent, are for the driver to delete.

    Args:
        job: what is trained.
        epoch: at which that begins.
        context: where checkpoints and messages go.
        metrics: is told what a checkpoint takes.

    Yields:
        What is offered each state.
    """
    before = epoch

    def save(state: TrainingState) -> None:
        nonlocal before
        began = time.monotonic()
        replaces = job.states[before] if before > job.start_epoch and before not in job.fork_epochs else None
        try:
            context.storage.save_state(job.states[state.epoch], content := state.encode(), replaces)
        except StorageError as error:  # now, for an epoch may take long
            context.outbox.put(StorageFailed(job=job.id, error=error.template, hint=error.hint_template))
            raise
        metrics.saved(len(content), time.monotonic() - began)
        before = state.epoch
        context.outbox.put(StateSaved(job=job.id, epoch=before))

    with CheckpointWriter(save, context.settings.spacing, epoch=epoch) as writer, saves_at_sigterm(writer.save_now):
        yield writer


def _epoch_done(job: TrainJob, epoch: EpochReport, *, from_checkpoint: bool = False) -> EpochDone:
    score = _score(epoch.metrics)
    return EpochDone(job=job.id, epoch=epoch.epoch, score=score, from_checkpoint=from_checkpoint, seconds=epoch.seconds)


def _score(metrics: Metrics) -> Score:
    return Score(balanced_accuracy=metrics.balanced_accuracy, icv=metrics.icv)
