"""A slot without Ray: which jobs reach its workers, and what becomes of workers that end."""

from pathlib import Path
from typing import Any

from raysat.config.spacing import Spacing
from raysat.execution.messages import JobDone, to_result
from raysat.execution.storage.run_storage import RunStorage
from raysat.execution.workers.slot import Slot
from raysat.execution.workers.worker_context import SlotSettings
from raysat.planning.stages import TrainJob, unshared_job
from tests.helpers.stages import way

SETTINGS = SlotSettings(
    storage=RunStorage(run=Path(), store=Path(), generated=Path(), marks=(), disk=None),
    store=Path(),
    digest="",
    artifacts=Path(),
    workers=1,
    cpus=1.0,
    gpus=0.0,
    spacing=Spacing(),
    study=None,
)


def job(name: str) -> TrainJob:
    return unshared_job(way(name, 2))


class SlotByItself(Slot):
    """A slot as ``ray.tune.with_parameters`` makes it, whose worker does each job at once."""

    def setup(self, config: dict[str, Any]) -> None:
        self.given: list[str] = []
        super().setup(config, SETTINGS)

    def _run(self, trainer: object) -> None:
        while (job := self._inbox.get()) is not None:
            self.given.append(job.id)
            self._outbox.put(JobDone(job=job.id))


def test_a_slot_begins_the_job_that_it_is_asked_for() -> None:
    """Tune starts a slot in place of one that died, though another may have taken its job meanwhile."""
    slot = SlotByItself(config={"job": job("taken by another")})
    slot.reset_config({"job": job("its own")})
    assert slot.step() == to_result(JobDone(job="its own"))
    slot.cleanup()
    assert slot.given == ["its own"]


def test_workers_that_ended_between_two_jobs_are_replaced() -> None:
    slot = SlotByItself(config={"job": job("first")})
    slot.step()
    slot.reset_config({"job": job("second")})
    slot._inbox.put(None)
    slot._group.join()
    assert slot.step() == to_result(JobDone(job="second"))
    slot.cleanup()
    assert slot.given == ["first", "second"]
