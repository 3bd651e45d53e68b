"""A worker without Ray: jobs planned on a store, a context around a storage in memory, and what is reported."""

from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch

from raysat.config.schema import Trial
from raysat.config.spacing import Spacing
from raysat.data.store import PatchStore
from raysat.execution.messages import EpochDone, Message, StateSaved
from raysat.execution.storage.run_storage import RunStorage
from raysat.execution.workers.worker_context import SlotSettings, WorkerContext
from raysat.planning.jobs import PlannedTrial, plan_trial
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import TrainJob, train_jobs
from raysat.training.loop import Training
from tests.helpers.storage import MemoryStorage
from tests.helpers.training import config


def planned(store: PatchStore, **parts: Any) -> PlannedTrial:
    """Plan a trial of the tiny model."""
    return plan_trial(Trial(config=resolve_config(config(**parts), store), seed=0), store, arm="arm")


def one_job(*trials: PlannedTrial) -> TrainJob:
    """The job of trials that share all of their epochs."""
    (job,) = train_jobs(trials)
    return job


def checkpoint(trial: PlannedTrial, store: PatchStore, epochs: int, **changed: Any) -> bytes:
    """The checkpoint of a trial, perhaps of another configuration, after some epochs."""
    spec = trial.trial.config.model_copy(update=changed)
    training = Training(trial.trial.model_copy(update={"config": spec}), store, device=torch.device("cpu"))
    for _ in range(epochs):
        training.advance()
    return training.state().encode()


@dataclass
class Bench:
    """What a worker works with."""

    store: PatchStore
    storage: MemoryStorage = field(default_factory=MemoryStorage)
    inbox: Any = field(default_factory=SimpleQueue)
    messages: list[Message] = field(default_factory=list)
    gpus: float = 0.0
    spacing: Spacing = field(default_factory=lambda: Spacing(epochs=1))
    eager: bool = False

    def put(self, message: Message) -> None:
        """Be the outbox."""
        self.messages.append(message)

    @property
    def context(self) -> WorkerContext:
        nowhere = Path("/nowhere")
        settings = SlotSettings(
            storage=RunStorage(run=nowhere, store=nowhere, generated=nowhere, marks=(), disk=None),
            store=self.store.path,
            digest=self.store.digest,
            artifacts=nowhere,
            workers=1,
            cpus=1.0,
            gpus=self.gpus,
            spacing=self.spacing,
            study=None,
            eager=self.eager,
        )
        return WorkerContext(settings=settings, storage=self.storage, inbox=self.inbox, outbox=self)  # type: ignore[arg-type]

    @property
    def told(self) -> list[Message]:
        """What was reported by the training, in its order; a thread reports what is saved meanwhile."""
        return [message for message in self.messages if not isinstance(message, StateSaved)]

    @property
    def saved(self) -> list[int]:
        """The epochs whose states were reported as saved."""
        return [message.epoch for message in self.messages if isinstance(message, StateSaved)]

    def epochs(self, *, from_checkpoint: bool = False) -> list[int]:
        """The epochs that were reported as trained, or as found."""
        epochs = [message for message in self.messages if isinstance(message, EpochDone)]
        return [message.epoch for message in epochs if message.from_checkpoint == from_checkpoint]
