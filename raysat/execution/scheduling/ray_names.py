"""What Ray's dashboard and its lists call a run's slots, what they reserve, and what they do just now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

from ray.air.execution._internal import RayActorManager, TrackedActor
from ray.tune import PlacementGroupFactory
from ray.util.placement_group import PlacementGroup, placement_group
from typing_extensions import override

from raysat.execution.cluster.resources import selector
from raysat.planning.stages import Job, TrainJob

_numbers: Final = count(1)  # of the placement groups of this process: Ray wants names of their own


def slot_name(run: str) -> str:
    """Return what the slots of a run are called: ``raysat table2 slot``."""
    return f"raysat {run} slot"


def job_name(run: str, job: Job) -> str:
    """Return how a job reads in a list: ``raysat table2: LDAM + DRW, seed 0, epochs 1 to 40``."""
    if not isinstance(job, TrainJob):
        return f"raysat {run}: {job.name}, {job.epochs} steps"
    last = job.trials[-1]
    return f"raysat {run}: {last.name}, seed {last.seed}, epochs {job.start_epoch + 1} to {last.epochs}"


class NamedReservation(PlacementGroupFactory):  # type: ignore[misc]  # ray ships no types
    """What Tune reserves for a slot, under the name of its run."""

    def __init__(self, run: str, bundle: dict[str, float], avoided: Sequence[str] = ()) -> None:
        """Say what to reserve.

        Args:
            run: for whom.
            bundle: Ray's resources of a slot.
            avoided: Ray's ids of nodes where not.
        """
        self._run, self._bundle = run, bundle
        chosen = selector(avoided)
        super().__init__([bundle], **({"bundle_label_selector": [chosen]} if chosen else {}))

    def avoiding(self, nodes: Sequence[str]) -> NamedReservation:
        """The same on other nodes than some, given Ray's ids."""
        return NamedReservation(self._run, self._bundle, nodes)

    @override
    def to_placement_group(self) -> PlacementGroup:
        """Reserve it once more."""
        return placement_group(*self._bound.args, **self._bound.kwargs, name=f"{slot_name(self._run)} {next(_numbers)}")


class NamedTasks(RayActorManager):  # type: ignore[misc]  # ray ships no types
    """Calls the methods of slots by what these do for whom; Tune would call all of them ``Slot.train``.

    Slots start where they may.
    """

    name_of: Callable[[TrackedActor], str | None] = staticmethod(lambda _: None)
    avoided: Callable[[], Sequence[str]] = staticmethod(tuple)

    @override
    def add_actor(self, cls: Any, kwargs: dict[str, Any], resource_request: NamedReservation, **options: Any) -> Any:
        """Ask for a slot, on another node than those that are to be avoided.

        Args:
            cls: of the slot.
            kwargs: of the slot.
            resource_request: what it reserves.
            options: as Tune gives them.

        Returns:
            Tune's handle of it.
        """
        if nodes := self.avoided():
            resource_request = resource_request.avoiding(nodes)
        return super().add_actor(cls, kwargs, resource_request, **options)

    @override
    def _schedule_tracked_actor_task(self, tracked_actor_task: Any, method_name: str, **options: Any) -> Any:
        tracked = tracked_actor_task._tracked_actor
        actor, reserved = live = self._live_actors_to_ray_actors_resources[tracked]
        if (name := self.name_of(tracked)) is None:
            return super()._schedule_tracked_actor_task(tracked_actor_task, method_name, **options)
        self._live_actors_to_ray_actors_resources[tracked] = _Renamed(actor, name), reserved
        try:
            return super()._schedule_tracked_actor_task(tracked_actor_task, method_name, **options)
        finally:
            self._live_actors_to_ray_actors_resources[tracked] = live


class _Renamed:
    """An actor whose methods are called by another name."""

    def __init__(self, actor: Any, name: str) -> None:
        self._actor, self._name = actor, name

    def __getattr__(self, method: str) -> Any:
        return getattr(self._actor, method).options(name=self._name)
