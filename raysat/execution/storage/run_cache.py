"""A run and a cache between studies: takes what the run lacks, offers what it finishes; without ray."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from raysat.errors import DiskError, RaysatError
from raysat.execution.events import CacheFault, FromCache, OnEvent, Waiting
from raysat.execution.messages import State
from raysat.execution.row import Row
from raysat.execution.versions import versions
from raysat.interrupts import is_stopping
from raysat.planning.build import PendingJobs, Plan
from raysat.planning.jobs import GenerateJob, PlannedTrial, WorkItem
from raysat.storage.artifacts import Artifacts
from raysat.storage.cache import Cache
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record, TrialSpec

_AT_ONCE: Final = 4  # trials, each of which may be held in memory
_LAST_S: Final = 2.0  # for the offer under way where the run is stopped


@dataclass(frozen=True, slots=True)
class RunCache:
    """The cache that a run uses."""

    cache: Cache
    plan: Plan
    ledger: Ledger
    artifacts: Artifacts
    on_event: OnEvent

    def take(self, pending: PendingJobs, *, wait: bool) -> PendingJobs:
        """Take what a run lacks from the cache.

        Args:
            pending: what it lacks.
            wait: for another raysat that fills the run.

        Returns:
            What it lacks still.

        Raises:
            BusyError: another raysat fills the run.
            DiskError: the cache cannot be listed.
        """
        there = self.cache.trials()
        trials = [item for item in pending.missing if isinstance(item, PlannedTrial) and item.id in there]
        jobs = [job for job in self.plan.generate_jobs if not self.artifacts.is_finished(job.id)]
        if not trials and not jobs:
            return pending
        waiting = (lambda reason: self.on_event(Waiting(reason=reason))) if wait else None
        with self.ledger.lock(waiting):
            self.plan.keep(self.ledger)
            finished = self.ledger.finished([trial.id for trial in trials])  # by whoever was waited for
            trials = [trial for trial in trials if trial.id not in finished]
            taken: dict[str, Record] = {}
            patches: set[str] = set()
            try:
                with ThreadPoolExecutor(_AT_ONCE) as threads:
                    for record in threads.map(self._take_trial, trials):
                        if record is not None:
                            taken[record.id] = record
                patches = {job.id for job in jobs if self._take_patches(job)}
            except DiskError as error:
                self.on_event(CacheFault(cache=self.cache.root, error=error.message, taking=True))
        if taken or patches:
            here = versions()
            others = Counter(
                f"{name} {version}"
                for record in taken.values()
                for name, version in record.versions.items()
                if here.get(name, version) != version
            )
            self.on_event(
                FromCache(
                    cache=self.cache.root,
                    trials=len(taken),
                    total=len(self.plan.trials),
                    generators=len(patches),
                    others=tuple(sorted(others)),
                )
            )
        left = [item for item in pending.missing if item.id not in {*taken, *finished, *patches}]
        needed = {need for item in left for need in item.needs}
        return replace(
            pending,
            finished={**pending.finished, **finished, **dict.fromkeys(taken)},
            missing=tuple(item for item in left if not isinstance(item, GenerateJob) or item.id in needed),
        )

    def _take_trial(self, trial: PlannedTrial) -> Record | None:
        spec = TrialSpec(config=trial.trial.config, seed=trial.seed, data=self.plan.store.fingerprint)
        return self.cache.take_trial(trial.id, spec, self.ledger)

    def _take_patches(self, job: GenerateJob) -> bool:
        return self.cache.take_patches(job.id, self.plan.store.fingerprint, self.artifacts)

    @contextmanager
    def offering(self, pending: PendingJobs) -> Iterator[Callable[[Row | None], None]]:
        """Offer a run's work to the cache, beside the run; what cannot be written there is said at the end.

        Args:
            pending: what the run lacks; what it had finished before is offered too.

        Yields:
            What is to be told of each row that changes.
        """
        offers: queue.SimpleQueue[WorkItem | None] = queue.SimpleQueue()
        not_needed = {*(item.id for item in pending.missing), *self.cache.trials()}
        for trial in self.plan.trials:
            if trial.id not in not_needed:
                offers.put(trial)
        for job in self.plan.generate_jobs:
            if self.artifacts.is_finished(job.id):
                offers.put(job)
        faults: list[str] = []
        ending, stopped = threading.Event(), threading.Event()

        def offer_all() -> None:
            while (item := offers.get()) is not None and not stopped.is_set():
                try:
                    self._offer(item)
                except RaysatError as error:
                    faults.append(error.message)
                    if ending.is_set():  # nothing waits long for a cache that is out of reach
                        return

        def changed(row: Row | None) -> None:
            if row is not None and row.state is State.DONE:
                offers.put(row.item)

        thread = threading.Thread(target=offer_all, name="raysat-cache", daemon=True)
        thread.start()
        try:
            yield changed
        except BaseException:
            stopped.set()
            raise
        finally:
            if is_stopping():
                stopped.set()
            ending.set()
            offers.put(None)
            thread.join(_LAST_S if stopped.is_set() else None)
            if faults:
                self.on_event(CacheFault(cache=self.cache.root, error=faults[0], taking=False))

    def _offer(self, item: WorkItem) -> None:
        if isinstance(item, GenerateJob):
            self.cache.offer_patches(item.id, self.artifacts)
        else:
            self.cache.offer_trial(item.id, self.ledger)
