"""What a job costs where nobody collects its metrics: no thread, and nothing of Ray."""

import threading

import torch

from raysat.execution.monitoring.worker_metrics import job_metrics


def test_a_job_that_nobody_follows_starts_no_thread() -> None:
    before = threading.active_count()
    with job_metrics(None, "train", images=lambda: 1, device=torch.device("cpu"), gpus=0.0, leads=True) as metrics:
        assert threading.active_count() == before
        metrics.trial("arm", 0)
        metrics.epoch_done(0.5, 0.9)
        metrics.saved(10, 0.1)
        metrics.export()
    with job_metrics("study", "train", images=lambda: 1, device=torch.device("cpu"), gpus=0.0, leads=True):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
