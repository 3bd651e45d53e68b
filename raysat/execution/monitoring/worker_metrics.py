"""Exports what a worker knows of the job that it does: how fast it trains, how well, and what its checkpoints cost.

The training only notes how far it is; a thread looks every two seconds and tells Ray.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Final, Literal

import torch

from raysat.execution.monitoring import catalog
from raysat.execution.monitoring.ray_metrics import RayMetrics, are_collected, ray_metrics, repeated

_WINDOW_S: Final = 30.0  # over which images a second are a mean: steps may pause for an evaluation
_Images = Callable[[], int]


class JobMetrics:
    """What is exported of one job; of a job that nobody follows, nothing."""

    def __init__(
        self,
        metrics: RayMetrics | None,
        kind: Literal["train", "generate"],
        *,
        images: _Images,
        device: torch.device,
        gpus: float,
        leads: bool,
    ) -> None:
        """Begin.

        Args:
            metrics: of this process; None where nobody collects them.
            kind: of the job.
            images: says how many the job's steps have taken in this process; any thread may ask at any moment.
            device: where it is done.
            gpus: that this worker has.
            leads: whether it speaks for the job; of several workers one does.
        """
        self._images = images
        self._metrics, self._kind, self._device, self._gpus, self._leads = metrics, kind, device, gpus, leads
        self._trial: dict[str, object] | None = None
        self._epochs = 0  # trained in this process
        self._loss = self._accuracy = float("nan")
        self._told_images = self._told_epochs = 0
        self._seen = deque([(time.monotonic(), 0)])  # when, and how many images by then

    def trial(self, arm: str, seed: int | None) -> None:
        """What is trained now counts for this trial, or generator."""
        self._trial = {"arm": arm, "seed": "" if seed is None else seed}
        self._loss = self._accuracy = float("nan")

    def epoch_done(self, loss: float, balanced_accuracy: float) -> None:
        """An epoch of the trial is over.

        Args:
            loss: its mean.
            balanced_accuracy: on the validation split.
        """
        self._loss, self._accuracy = loss, balanced_accuracy
        self._epochs += 1

    def saved(self, nbytes: int, seconds: float) -> None:
        """A checkpoint of so many bytes is written, which took so long; from any thread."""
        if self._metrics is not None:
            self._metrics.observe(catalog.CHECKPOINT_SECONDS, seconds)
            self._metrics.add(catalog.CHECKPOINT_BYTES, nbytes)

    def export(self) -> None:
        """Tell Ray how it stands."""
        if (metrics := self._metrics) is None:
            return
        if self._device.type == "cuda":
            metrics.set(catalog.GPU_SHARE, self._gpus, kind=self._kind)
            metrics.set(catalog.GPU_MEMORY, torch.cuda.memory_reserved(self._device), kind=self._kind)
        if not self._leads:
            return
        images, epochs, trial = self._images(), self._epochs, self._trial
        metrics.add(catalog.IMAGES, images - self._told_images, kind=self._kind)
        metrics.add(catalog.EPOCHS, epochs - self._told_epochs)
        self._told_images, self._told_epochs = images, epochs
        rate = self._rate(images)
        if trial is not None:
            metrics.set(catalog.IMAGES_PER_S, rate, **trial)
            if self._loss == self._loss:
                metrics.set(catalog.LOSS, self._loss, **trial)
                metrics.set(catalog.BALANCED_ACCURACY, self._accuracy, **trial)

    def _rate(self, images: int) -> float:
        """Images a second over the window that ends now."""
        now = time.monotonic()
        self._seen.append((now, images))
        while now - self._seen[1][0] > _WINDOW_S:
            self._seen.popleft()
        began, before = self._seen[0]
        return (images - before) / (now - began) if now > began else 0.0


@contextmanager
def job_metrics(
    study: str | None,
    kind: Literal["train", "generate"],
    *,
    images: _Images,
    device: torch.device,
    gpus: float,
    leads: bool,
) -> Iterator[JobMetrics]:
    """Have what exports a job, for as long as that takes; where nobody collects metrics, what does nothing.

    Args:
        study: the label of all metrics; None where nobody collects them.
        kind: of the job.
        images: says how many the job's steps have taken in this process; any thread may ask at any moment.
        device: where it is done.
        gpus: that this worker has.
        leads: whether it speaks for the job; of several workers one does.

    Yields:
        What is told how far the job is.
    """
    metrics = ray_metrics(study) if study is not None and are_collected() else None
    job = JobMetrics(metrics, kind, images=images, device=device, gpus=gpus, leads=leads)
    with repeated(job.export) if metrics else nullcontext():
        yield job
