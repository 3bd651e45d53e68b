"""Ray at hand for one run: one Tuner over warm slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
import ray.tune
from typing_extensions import override

from raysat.data.store import PatchStore
from raysat.execution.cluster.address import check_address
from raysat.execution.cluster.connection import connect, quiet_tune
from raysat.execution.cluster.gpu_share import gpu_share, packing_request
from raysat.execution.cluster.known_packing import gpu_count
from raysat.execution.cluster.packing import measured_on_cluster, packing_measured
from raysat.execution.cluster.resources import fit, own_nodes
from raysat.execution.cluster.same_versions import VersionCheck, trains
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import Ended, GpuShared, OnEvent, Postbox, Progress, Started, Waiting, ignore, to_all
from raysat.execution.monitoring.run_metrics import Room, run_metrics
from raysat.execution.run_log import RunLog
from raysat.execution.run_state import RunState
from raysat.execution.scheduling.controller import slots_that_follow_the_cluster
from raysat.execution.scheduling.job_source import JobSource
from raysat.execution.scheduling.ray_names import NamedReservation, slot_name
from raysat.execution.scheduling.retries import Retries
from raysat.execution.scheduling.slots import Slots
from raysat.execution.scheduling.tune_events import StorageStopper, TuneEvents
from raysat.execution.status_file import StatusFile
from raysat.execution.storage.index_keeper import IndexKeeper
from raysat.execution.storage.local_copy import store_on_this_machine
from raysat.execution.storage.run_storage import run_storage
from raysat.execution.versions import versions
from raysat.execution.workers.energy import check_energy
from raysat.execution.workers.patch_holder import patch_holders
from raysat.execution.workers.slot import Slot, reserved
from raysat.execution.workers.worker_context import SlotSettings
from raysat.execution.workload import Workload
from raysat.files import absolute
from raysat.interrupts import removed_at_end, stops_in_order
from raysat.storage.artifacts import Artifacts
from raysat.storage.event_log import EventLog
from raysat.storage.ledger import Ledger
from raysat.training.check import evaluation_splits
from raysat.training.packing.messages import Packing, PackingRequest


@contextmanager
def session(
    name: str,
    store: PatchStore,
    ledger: Ledger,
    artifacts: Artifacts,
    options: ClusterOptions,
    on_event: OnEvent = ignore,
    *,
    workload: Workload,
) -> Iterator[Session]:
    """Hold a run's ledger and have Ray at hand, with all that slots share.

    Args:
        name: of the run, in Ray's dashboard.
        store: what is trained on.
        ledger: where records go.
        artifacts: where generated patches go.
        options: how to use the machine or cluster.
        on_event: is told what happens.
        workload: what is to be done, by which jobs get their part of the machine (``resources.fit``).

    Yields:
        What runs jobs.

    Raises:
        InstallationError: energy is to be measured, and codecarbon is not here.
        ClusterError: Ray cannot be reached or started, a node has other versions than the driver, or none has the
            resources that a trial asks for.
        StorageError: another raysat fills the run.
        StoreError: the store changed since it was opened, or is damaged.
    """
    if options.energy:
        check_energy()
    log = EventLog(ledger.root)
    address, on_event = check_address(options.address), Postbox(to_all(RunLog(log, ledger), on_event))
    own = address is None and not ray.is_initialized()  # a Ray that starts with this run, on this machine
    request = packing_request(workload, store, options)
    place = store.path.resolve() if isinstance(store.path, Path) else store.path
    waiting = (lambda reason: on_event(Waiting(reason=reason))) if options.wait else None
    with (
        ledger.lock(waiting),
        closing(log),
        removed_at_end(artifacts.sweep),
        removed_at_end(ledger.sweep),
        store_on_this_machine(store, address, on_event),
        _measuring(request if own and gpu_count() else None) as (measured, end_measuring),
        connect(address, on_event, on_event.later) as scratch,
        quiet_tune(),
        run_storage(ledger.root, place, artifacts.root, one_machine=own) as storage,
    ):
        checked = None if own else _versions_asked()
        # Of its own Ray a run knows how many jobs share the machine; what a cluster has changes while the run waits.
        nodes = own_nodes() if own else ray.nodes()
        share = None
        if request:
            share = gpu_share(nodes, workload, store, options, measured or partial(measured_on_cluster, request))
        end_measuring()
        if share:
            on_event(GpuShared(choice=str(share)))
        own_workload = workload if own else replace(workload, shares_cores=False, threads_before=None)
        cpus, gpus = fit(nodes, options, own_workload, share)
        grows = address is not None and options.max_concurrent is not None
        settings = SlotSettings(
            storage=storage,
            store=place,
            digest=store.digest,
            artifacts=absolute(artifacts.root),
            workers=options.workers,
            cpus=cpus,
            gpus=gpus,
            spacing=options.spacing,
            study=None if own else name,  # its Ray has no metrics
            eager=options.eager,
            energy=options.energy,
            weights=workload.weight_files,
            versions=versions() if checked else None,
        )
        if checked:
            checked.check()
        # Without a GPU there is nothing to share; each of several workers has a part of the patches for itself.
        shares = bool(gpus) and options.workers == 1
        with patch_holders(settings) if shares else nullcontext() as holders:
            yield Session(
                name=name,
                store=store,
                ledger=ledger,
                artifacts=artifacts,
                on_event=on_event,
                settings=replace(settings, holders=holders),
                slots=Slots(settings.per_worker, options.workers, most=options.max_concurrent, grows=grows),
                retries=Retries(options.retries),
                scratch=str(scratch),
            )


def _versions_asked() -> VersionCheck | None:
    """Ask the nodes of a cluster for their versions; None where the driver's own is the only one."""
    nodes = [node for node in ray.nodes() if trains(node)]
    here = ray.get_runtime_context().get_node_id()
    return VersionCheck(nodes) if any(node["NodeID"] != here for node in nodes) else None


@contextmanager
def _measuring(request: PackingRequest | None) -> Iterator[tuple[Callable[[], Packing] | None, Callable[[], None]]]:
    """Measure beside what follows; yields what waits for the result, and what ends it."""
    with ExitStack() as stack:
        yield stack.enter_context(packing_measured(request)) if request else None, stack.close


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Ray at hand for one run."""

    name: str
    store: PatchStore
    ledger: Ledger
    artifacts: Artifacts
    on_event: OnEvent
    settings: SlotSettings
    slots: Slots
    retries: Retries  # of jobs whose worker died or raised what nobody expected
    scratch: str  # folder for Tune's own files, which nothing reads again

    def tune(
        self,
        source: JobSource,
        state: RunState,
        *,
        jobs: int,
        scheduler: ray.tune.schedulers.TrialScheduler | None = None,
    ) -> None:
        """Do what a source hands out in slots that stay warm.

        Args:
            source: hands out the jobs.
            state: is told what happens.
            jobs: how many there are at most.
            scheduler: stops jobs early.

        Raises:
            StorageError: a record cannot be written.
            ClusterError: no node is left that can do a job.
        """
        slots = max(1, min(self.slots.fit, jobs))
        self.on_event(
            Started(
                state=state,
                slots=slots,
                most=max(slots, min(self.slots.allowed(), jobs)),
                workers=self.settings.workers,
                cpus=self.settings.cpus,
                gpus=self.settings.gpus,
                validation_split=next(iter(evaluation_splits(self.store)), None),
            )
        )
        state.subscribers.append(lambda row: self.on_event(Progress(row=row)))
        trainable = ray.tune.with_resources(
            ray.tune.with_parameters(Slot, settings=self.settings),
            NamedReservation(self.name, reserved(self.settings)),
        )
        trainable.__name__ = trainable.__qualname__ = slot_name(self.name)  # in Ray's lists
        stopper, events = (
            StorageStopper(self.ledger),
            TuneEvents(state, source, self.slots, self.ledger, self.artifacts, self.on_event),
        )
        tuner = ray.tune.Tuner(
            trainable,
            tune_config=ray.tune.TuneConfig(
                search_alg=source,
                scheduler=scheduler,
                num_samples=-1,  # as many as the source hands out, those included that are tried again
                reuse_actors=True,
            ),
            run_config=ray.tune.RunConfig(
                name=self.name,
                storage_path=self.scratch,
                verbose=0,
                progress_reporter=_NoReporter(),
                callbacks=[events],
                failure_config=ray.tune.FailureConfig(max_failures=0),  # what is tried again, the source decides
                # Tune would save each slot to the driver's disk at the end of a job, and on other machines fail there.
                checkpoint_config=ray.tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                stop=stopper,
            ),
        )
        try:
            with (
                StatusFile(state, self.ledger.progress),
                run_metrics(self.settings.study, state, lambda: Room(slots=self.slots.fit, nodes=self.slots.nodes)),
                IndexKeeper(state, self.ledger),
                stops_in_order(events.stop),
                self.slots.followed(),
                slots_that_follow_the_cluster(self.name, self.slots),
            ):
                tuner.fit()
        except KeyboardInterrupt:
            if not events.is_stopping:
                raise
        finally:
            self.on_event(Ended())
        if error := stopper.error or events.error:
            raise error


class _NoReporter(ray.tune.ProgressReporter):  # type: ignore[misc]  # ray ships no types
    """Reports nothing: Tune's own reporter clears what a notebook's cell shows, however quiet Tune is told to be."""

    @override
    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        return False
