"""A slot: a reused Tune actor that keeps one Ray Train worker group warm and gives it job after job.

Starting a worker group costs some ten seconds; a slot pays them once, and a further trial costs a fraction of a second.
The workers report through Ray Train; its controller forwards each report to the slot, which hands it to Tune as a
result.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from dataclasses import dataclass
from typing import Any

import ray.train
import ray.tune
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.util.queue import Empty, Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all slots of a run share."""

    keeper: Any  # actor handle
    store: str
    fingerprint: str
    generated: str  # root of the generated stores
    workers: int
    cpus: float  # per worker
    gpus: float  # per worker


def _work(config: dict[str, Any]) -> None:
    """Import torch in the workers alone: the slot and Ray Train's controller start seconds sooner without."""
    from raysat.tuning.worker import work

    work(config)


def _trainer_class(workers: int) -> Any:
    """The torch backend opens a port on all interfaces for its process group, which one worker does not need."""
    if workers == 1:
        return DataParallelTrainer
    from ray.train.torch import TorchTrainer

    return TorchTrainer


class _Forward(ray.train.UserCallback):  # type: ignore[misc]  # ray ships no types
    """Passes the first worker's reports on; lives in the controller of Ray Train."""

    def __init__(self, outbox: Queue) -> None:
        self._outbox = outbox

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        self._outbox.put(dict(metrics[0]))


class Slot(ray.tune.Trainable):  # type: ignore[misc]  # ray ships no types
    """Runs one job at a time on its worker group; Tune resets it to the next job."""

    def setup(self, config: dict[str, Any], settings: Settings) -> None:
        """Start the worker group and give it the first job."""
        self._scratch = tempfile.mkdtemp(prefix="raysat-slot-")  # Ray Train wants one; nothing is read from it
        self._inbox = Queue(actor_options={"num_cpus": 0})
        self._outbox = Queue(actor_options={"num_cpus": 0})
        resources = {"CPU": settings.cpus} | ({"GPU": settings.gpus} if settings.gpus else {})
        trainer = _trainer_class(settings.workers)(
            _work,
            train_loop_config={
                "inbox": self._inbox,
                "keeper": settings.keeper,
                "store": settings.store,
                "fingerprint": settings.fingerprint,
                "generated": settings.generated,
                "cpus": settings.cpus,
                "gpus": settings.gpus,
            },
            scaling_config=ray.train.ScalingConfig(
                num_workers=settings.workers, use_gpu=settings.gpus > 0, resources_per_worker=resources
            ),
            run_config=ray.train.RunConfig(
                name="slot",
                storage_path=self._scratch,
                callbacks=[_Forward(self._outbox)],
                # A worker group that cannot start yet waits: for a new node, or for another slot to end.
                failure_config=ray.train.FailureConfig(max_failures=0, controller_failure_limit=-1),
            ),
        )
        self._error: BaseException | None = None
        self._group = threading.Thread(target=self._run, args=(trainer,), daemon=True)
        self._group.start()
        self._give(config)

    def _run(self, trainer: DataParallelTrainer) -> None:
        try:
            trainer.fit()
        except BaseException as error:  # noqa: BLE001  (kept, and raised again by step)
            self._error = error

    def _give(self, job: dict[str, Any]) -> None:
        self._job = job["job"]
        self._inbox.put(job)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next job; False where the worker group is gone and Tune must make a new slot."""
        if not self._group.is_alive():
            return False
        self._give(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Wait for the next report of the job. Raises RuntimeError where the worker group died."""
        while True:
            try:
                report: dict[str, Any] = self._outbox.get(timeout=1.0)
            except Empty:
                if not self._group.is_alive():
                    raise RuntimeError(f"the worker group died: {self._error}") from self._error
                continue
            if report["job"] == self._job:
                return {**report, "done": report["state"] != "training"}

    def cleanup(self) -> None:
        """Let the worker group end, and end its queues."""
        self._inbox.put(None)
        self._group.join(timeout=5)
        self._inbox.shutdown(force=True)
        self._outbox.shutdown(force=True)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save: the ledger says what is finished."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing to load."""
