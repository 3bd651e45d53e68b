"""A slot gives its workers a job when Tune asks for it, and only then."""

from typing import Any

from raysat.execution.slot import Settings, Slot

SETTINGS = Settings(keeper=None, store="", fingerprint="", generated="", workers=1, cpus=1.0, gpus=0.0)


class Alone(Slot):
    """A slot as ``ray.tune.with_parameters`` makes it, whose worker does each job at once."""

    def setup(self, config: dict[str, Any]) -> None:
        self.given: list[Any] = []
        super().setup(config, SETTINGS)

    def _run(self, trainer: object) -> None:
        while (job := self._inbox.get()) is not None:
            self.given.append(job)
            self._outbox.put({"job": job["job"], "state": "done"})


def test_a_slot_begins_the_job_that_it_is_asked_for() -> None:
    """Tune starts a slot in place of one that died, though another may have taken its job meanwhile."""
    slot = Alone(config={"job": "taken by another"})
    slot.reset_config({"job": "its own"})
    assert slot.step() == {"job": "its own", "state": "done", "done": True}
    slot.cleanup()
    assert slot.given == [{"job": "its own"}]


def test_workers_that_ended_between_two_jobs_are_replaced() -> None:
    slot = Alone(config={"job": "first"})
    slot.step()
    slot.reset_config({"job": "second"})
    slot._inbox.put(None)
    slot._group.join()
    assert slot.step() == {"job": "second", "state": "done", "done": True}
    slot.cleanup()
    assert slot.given == [{"job": "first"}, {"job": "second"}]
