"""Maps of scenes on Ray: a task each, which reads the models and the scene where it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import ray
from ray.exceptions import RayError, RayTaskError

from raysat.config.plugins.source import PluginSource
from raysat.config.plugins.use import named_plugins, use_plugin
from raysat.data.importers.source import open_data
from raysat.data.scenes.remote import RasterPath
from raysat.errors import ClusterError, RaysatError
from raysat.execution.cluster.address import check_address
from raysat.execution.cluster.connection import connect
from raysat.execution.cluster.resources import fit, own_nodes
from raysat.execution.cluster.same_versions import VersionCheck
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.scheduling.deaths import death_of
from raysat.execution.scheduling.retries import Retries
from raysat.execution.workload import Workload
from raysat.files import AnyPath, absolute, sweep_partial
from raysat.formatting import one_line
from raysat.inference.load import load_arm
from raysat.inference.maps.record import MAP
from raysat.inference.maps.scene_map import MapOptions, SceneMap, make_map
from raysat.inference.maps.source import scene_name
from raysat.storage.ledger import Ledger

Task: TypeAlias = Any  # Ray's reference to what a task will give
_STOP_S: Final = 10.0  # that the workers of an interrupted command have to end


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRef:
    """Which models map, by names that mean the same on every machine."""

    run: AnyPath
    arm: str
    seeds: tuple[int, ...]
    data: str | None  # the store that they were trained on, where an older raysat wrote their records


def map_scenes(
    models: ArmRef,
    places: Sequence[RasterPath],
    out: Path,
    options: MapOptions,
    cluster: ClusterOptions,
    on_scene: Callable[[int, int], None],
) -> list[SceneMap]:
    """Make the maps of scenes, as many at a time as the machines have room for.

    Args:
        models: which map.
        places: of the scenes; on a cluster their paths, ``out`` and the run must mean the same on each machine.
        out: the folder of maps.
        options: how they are to be made.
        cluster: which machines, what each map gets of them, and how often one whose worker died is tried again.
        on_scene: is told how many scenes are done, and are in all.

    Returns:
        The maps, in the order of the scenes.

    Raises:
        ClusterError: Ray cannot be reached or started, a worker is lost, or a map is not on this machine.
        RaysatError: the first scene's that failed; maps of others are finished before.
    """
    address, out = check_address(cluster.address), out.resolve()
    models = replace(models, run=absolute(models.run))
    try:
        with connect(address):
            nodes = ray.nodes() if address else own_nodes()
            cpus, gpus = fit(nodes, cluster, Workload(jobs=len(places)))
            if address:
                VersionCheck(nodes).check()
            remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_map_scene)

            def start(place: RasterPath, options: MapOptions) -> Task:
                named = remote.options(name=f"raysat predict {scene_name(place)}")
                return named.remote(models, place, out, options, cpus, named_plugins())

            return _finish(start, places, options, Retries(cluster.retries), on_scene)
    finally:
        for place in places:  # what workers that were killed left
            sweep_partial(out, scene_name(place))


def _finish(
    start: Callable[[RasterPath, MapOptions], Task],
    places: Sequence[RasterPath],
    options: MapOptions,
    retries: Retries,
    on_scene: Callable[[int, int], None],
) -> list[SceneMap]:
    """Run a task for each scene, and those whose worker died again."""
    running = {start(place, options): place for place in places}
    found: dict[RasterPath, SceneMap | RaysatError] = {}
    try:
        while running:
            (task,), _ = ray.wait(list(running))
            place = running.pop(task)
            try:
                found[place] = _result(task, place)
            except _WorkerLostError as lost:
                if retries.again(str(place), death_of(lost.cause)):
                    # It may have died after its map was whole; what was there before has been refused.
                    running[start(place, replace(options, overwrite=True))] = place
                    continue
                found[place] = ClusterError(str(lost), hint="out of memory? {--overwrite} maps it again")
            except RaysatError as error:
                found[place] = error
            on_scene(len(found), len(places))
    except BaseException:
        for task in ray.wait(list(running), num_returns=len(running), timeout=0)[1]:
            # Not as by Ctrl-C: an import that it breaks off would stay half-done in a worker that Ray uses again.
            ray.cancel(task, force=True)
        ray.wait(list(running), num_returns=len(running), timeout=_STOP_S)
        raise
    failed = [each for place in places if isinstance(each := found[place], RaysatError)]
    if failed:
        done = len(places) - len(failed)
        first = failed[0]
        rest = f"; the other {done} of {len(places)} scenes are mapped" if done else ""
        raise type(first)(first.template + rest, hint=first.hint_template) from None
    return [each for place in places if isinstance(each := found[place], SceneMap)]


def _map_scene(
    models: ArmRef,
    place: RasterPath,
    out: Path,
    options: MapOptions,
    cpus: float,
    plugins: Sequence[PluginSource] = (),
) -> SceneMap:
    """The task: makes one map."""
    import torch

    from raysat.training.device import default_device

    torch.set_num_threads(max(1, int(cpus)))
    for source in plugins:
        use_plugin(source)
    store = None if models.data is None else open_data(models.data)
    ledger = Ledger.open(models.run)
    trained = load_arm(ledger, models.arm, device=default_device(), seeds=models.seeds, store=store)
    return make_map(trained, place, out, options, run=ledger.root.name, on_windows=lambda *_: None)


class _WorkerLostError(Exception):
    """The worker of a task died before it said what came of it."""

    def __init__(self, place: RasterPath, cause: RayError) -> None:
        super().__init__(f"the worker that mapped {place} was lost: {death_of(cause).reason}")
        self.cause = cause


def _result(task: Task, place: RasterPath) -> SceneMap:
    try:
        found: SceneMap = ray.get(task)
    except RayTaskError as error:
        if isinstance(error.cause, RaysatError):
            raise error.cause from None
        raise RaysatError(f"{place} cannot be mapped: {one_line(str(error.cause))}") from error
    except RayError as error:
        raise _WorkerLostError(place, error) from error
    if not (found.folder / MAP).is_file():
        raise ClusterError(
            f"the map of {place} is on another machine, in its {found.folder}",
            hint="{--out} must lead to the same disk on every machine of a cluster",
        )
    return found
