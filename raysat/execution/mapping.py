"""Maps of several scenes on Ray: a task each, which reads the models and the scene where it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ray
from ray.exceptions import RayError, RayTaskError

from raysat.data.importers.source import open_data
from raysat.data.scenes.remote import is_remote
from raysat.errors import ClusterError, RaysatError
from raysat.execution.cluster.address import check_address
from raysat.execution.cluster.connection import connect
from raysat.execution.cluster.resources import fit, own_nodes
from raysat.execution.cluster.same_versions import VersionCheck
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.workload import Workload
from raysat.files import AnyPath, absolute
from raysat.formatting import one_line
from raysat.inference.load import load_arm
from raysat.inference.maps.scene_map import MapOptions, SceneMap, make_map
from raysat.inference.maps.source import scene_name
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRef:
    """Which models map, by names that mean the same on every machine."""

    run: AnyPath
    arm: str
    seeds: tuple[int, ...]
    data: str | None  # the store that they were trained on, where an older raysat wrote their records


def map_scenes(
    models: ArmRef,
    sources: Sequence[str],
    out: Path,
    options: MapOptions,
    cluster: ClusterOptions,
    on_scene: Callable[[int, int], None],
) -> list[SceneMap]:
    """Make the maps of scenes, as many at a time as the machines have room for.

    Args:
        models: which map.
        sources: the scenes; on a cluster their paths, ``out`` and the run must mean the same on each machine.
        out: the folder of maps.
        options: how they are to be made.
        cluster: which machines, and what each map gets of them.
        on_scene: is told how many scenes are done, and are in all.

    Returns:
        The maps, in the order of the scenes.

    Raises:
        ClusterError: Ray cannot be reached or started, or a worker is lost.
        RaysatError: the first scene's that failed; maps of others are finished before.
    """
    address = check_address(cluster.address)
    models = ArmRef(run=absolute(models.run), arm=models.arm, seeds=models.seeds, data=models.data)
    with connect(address):
        nodes = ray.nodes() if address else own_nodes()
        cpus, gpus = fit(nodes, cluster, Workload(jobs=len(sources)))
        if address:
            VersionCheck(nodes).check()
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_map_scene)
        tasks = [
            remote.options(name=f"raysat predict {scene_name(source)}").remote(
                models, source if is_remote(source) else str(Path(source).resolve()), out.resolve(), options, cpus
            )
            for source in sources
        ]
        waiting = list(tasks)
        while waiting:
            _, waiting = ray.wait(waiting)
            on_scene(len(tasks) - len(waiting), len(tasks))
        return [_result(task, source) for task, source in zip(tasks, sources, strict=True)]


def _map_scene(models: ArmRef, source: str, out: Path, options: MapOptions, cpus: float) -> SceneMap:
    """The task: makes one map."""
    import torch

    from raysat.training.device import default_device

    torch.set_num_threads(max(1, int(cpus)))
    store = None if models.data is None else open_data(models.data)
    ledger = Ledger.open(models.run)
    trained = load_arm(ledger, models.arm, device=default_device(), seeds=models.seeds, store=store)
    return make_map(trained, source, out, options, run=ledger.root.name, on_windows=lambda *_: None)


def _result(task: object, source: str) -> SceneMap:
    try:
        found: SceneMap = ray.get(task)
    except RayTaskError as error:
        if isinstance(error.cause, RaysatError):
            raise error.cause from None
        raise RaysatError(f"{source} cannot be mapped: {one_line(str(error.cause))}") from error
    except RayError as error:
        cause = one_line(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise ClusterError(f"the worker that mapped {source} was lost: {cause}", hint="run it again") from error
    return found
