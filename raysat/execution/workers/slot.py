"""A slot: a reused Tune actor that keeps its Ray Train workers warm and gives them job after job.

Starting workers costs seconds; a slot pays them once, and a further job costs a fraction of a second. A single worker
is Ray Train's local mode: it runs in the slot's own process, on the CPUs and GPUs that Tune gave the slot, so that a
slot that dies takes nothing along and leaves nothing behind. Several workers are a Ray Train worker group of their own.
"""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import ray.train
import ray.tune
import ray.util.queue
from ray._private import worker as worker_module
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer  # public by this path alone; ray is pinned
from typing_extensions import override

from raysat.execution.cluster.resources import selector
from raysat.execution.messages import Message, to_result
from raysat.execution.workers.node_check import check_this_node, hardware_faults_told
from raysat.execution.workers.termination import sigterm_saves
from raysat.execution.workers.worker_context import SlotSettings, WorkerContext
from raysat.planning.stages import Job
from raysat.training.late_compiler import put_off_compiler

_NOWHERE: Final = "mock://nowhere/slot"  # a file system of Arrow's in memory


def reserved(settings: SlotSettings) -> dict[str, float]:
    """What Tune reserves for a slot.

    A worker group reserves what it needs by itself: a CPU for its slot too would deadlock on small machines.
    """
    return settings.per_worker if settings.workers == 1 else {"memory": 1}


def _work(config: dict[str, Any]) -> None:
    """Import torch in the workers alone: the slots of worker groups start seconds sooner without."""
    with hardware_faults_told():
        check_this_node(config["settings"])
        put_off_compiler()
        from raysat.execution.workers.worker import work

        work(WorkerContext(**config, storage=config["settings"].storage.open()))


@contextmanager
def _folder() -> Iterator[str]:
    """A folder for Ray Train, which wants one that all workers can be told of; nothing is written there to be read.

    It lies in that of the node's Ray: where a slot is killed it stays no longer than that.
    """
    folder = tempfile.mkdtemp(prefix="raysat-slot-", dir=worker_module._global_node.get_session_dir_path())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Slot(ray.tune.Trainable):  # type: ignore[misc]  # ray ships no types
    """Runs one job at a time on its workers; Tune resets it to the next job.

    The workers get a job when Tune first asks how it goes, not before: in place of a slot that died, Tune may start one
    for a job that another slot has taken meanwhile.
    """

    @override
    def setup(self, config: dict[str, Any], settings: SlotSettings) -> None:
        """Start the workers, to be ready for the first job."""
        self._settings, self._single_worker = settings, settings.workers == 1
        self._next: Job | None = config["job"]
        self._stack = ExitStack()
        self._avoided: Sequence[str] = config.get("avoid", ())
        self._train_path = _NOWHERE if self._single_worker else self._stack.enter_context(_folder())
        if self._single_worker:
            self._stack.enter_context(sigterm_saves())
        self._start()

    def _start(self) -> None:
        self._inbox = self._queue()
        self._outbox = self._queue()
        self._error: BaseException | None = None
        self._group = threading.Thread(target=self._run, args=(self._trainer(),), daemon=True)
        self._group.start()

    def _queue(self) -> Any:
        return queue.Queue() if self._single_worker else ray.util.queue.Queue(actor_options={"num_cpus": 0})

    def _trainer(self) -> DataParallelTrainer:
        settings, trainer = self._settings, DataParallelTrainer
        scaling = ray.train.ScalingConfig(num_workers=0)
        if not self._single_worker:  # one worker needs no process group, and starts sooner without
            from ray.train.torch import TorchTrainer

            from raysat.execution.workers.process_group import ProcessGroupConfig

            trainer = partial(TorchTrainer, torch_config=ProcessGroupConfig())
            scaling = ray.train.ScalingConfig(
                num_workers=settings.workers,
                use_gpu=settings.gpus > 0,
                resources_per_worker=settings.per_worker,
                label_selector=selector(self._avoided),
            )
        return trainer(
            _work,
            train_loop_config={"settings": settings, "inbox": self._inbox, "outbox": self._outbox},
            scaling_config=scaling,
            run_config=ray.train.RunConfig(
                name="slot",
                storage_path=self._train_path,
                # A worker group that cannot start yet waits: for a new node, or for another slot to end.
                failure_config=ray.train.FailureConfig(max_failures=0, controller_failure_limit=-1),
            ),
        )

    def _run(self, trainer: DataParallelTrainer) -> None:
        try:
            trainer.fit()
        except BaseException as error:  # noqa: BLE001  (kept, and raised again by step)
            self._error = error

    @override
    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next job."""
        self._next = new_config["job"]
        return True

    @override
    def step(self) -> dict[str, Any]:
        """Give the job to the workers, the first time; wait for its next message. Raises what ended the workers.

        Where the workers ended between two jobs, new ones do the next.
        """
        if self._next is not None:
            if not self._group.is_alive():
                self._start()
            self._job = self._next.id
            self._inbox.put(self._next)
            self._next = None
        while True:
            try:
                message: Message = self._outbox.get(timeout=1.0)
            except queue.Empty:  # Ray's own is one of these
                if not self._group.is_alive():
                    raise self._error or RuntimeError("the workers ended on their own") from None
                continue
            if message.job == self._job:
                return to_result(message)

    @override
    def cleanup(self) -> None:
        """Let the workers end, and end their queues."""
        self._inbox.put(None)
        self._group.join(timeout=5)
        if not self._single_worker:
            self._inbox.shutdown(force=True)
            self._outbox.shutdown(force=True)
        self._stack.close()
