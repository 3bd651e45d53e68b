"""How many trials share a GPU where the user does not say: as many as memory and unused steps allow, as measured."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from raysat.config.plugins.use import without_plugins
from raysat.data.store import PatchStore
from raysat.execution.cluster.known_packing import gpu_count, known_packing
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.workload import Workload
from raysat.formatting import plural
from raysat.training.check import band_positions
from raysat.training.packing.messages import GAIN, MOST, MOST_HELD, ROOM, Packing, PackingRequest
from raysat.training.packing.mps import START_MPS

_HOST_BYTES: Final = 4 * 10**9  # of the machine's memory, for a process with CUDA
_NO_LOSS: Final = 0.95  # of the patches/s of one: two that do as much hide each other's evaluation and records
_NETWORKS: Final = 24  # whose memory is measured, those first that train most


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuShare:
    """How many trials share each GPU, and why."""

    trials: int
    gain: float  # of so many over one, in patches a second
    reason: str

    @property
    def gpus(self) -> float:
        """Of each trial."""
        return 1 / self.trials

    def __str__(self) -> str:
        return f"{plural(self.trials, 'trial')} on each GPU: {self.reason}"


def packing_request(workload: Workload, store: PatchStore, options: ClusterOptions) -> PackingRequest | None:
    """What is to be measured, where it is raysat that chooses, and several jobs could share a GPU.

    Args:
        workload: what is to be done.
        store: the patches.
        options: how to use the machine.

    Returns:
        The request; None where there is nothing to choose.
    """
    if options.gpus_per_trial is not None or options.workers > 1 or workload.jobs == 1 or not workload.networks:
        return None
    # Methods of plugins cost what others do, but for models.
    networks = tuple(without_plugins(config, but=("model",)) for config in workload.networks[:_NETWORKS])
    return PackingRequest.of(networks, store, eager=options.eager)


def gpu_share(
    nodes: Sequence[Mapping[str, Any]],
    workload: Workload,
    store: PatchStore,
    options: ClusterOptions,
    measured: Callable[[], Packing],
) -> GpuShare | None:
    """Choose how many trials share a GPU; None where no node has one.

    Args:
        nodes: what ``ray.nodes()`` says.
        workload: what is to be done.
        store: the patches.
        options: how to use the machines.
        measured: what a card does; raises RuntimeError.

    Returns:
        The choice.
    """
    resources = [node["Resources"] for node in nodes if node.get("Alive")]
    if not any(node.get("GPU", 0.0) >= 1 for node in resources):
        return None
    try:
        packing = measured()
    except RuntimeError as error:
        return unmeasured(str(error))
    if not packing.memory:  # Ray counts GPUs that are none of CUDA's
        return unmeasured("torch sees no GPU there")
    patch = int(store.images.shape[2]) * int(store.images.shape[3]) * store.images.dtype.itemsize
    size = len(store) * patch * max(len(band_positions(config, store)) for config in workload.networks)
    return choose(packing, patches=workload.copies * size, workload=workload, options=options, nodes=resources)


def planned_share(workload: Workload, store: PatchStore, options: ClusterOptions) -> str | None:
    """What ``plan`` says of this machine's GPUs: what was measured before, or when it will be.

    Args:
        workload: what is to be done.
        store: the patches.
        options: how to use the machine.

    Returns:
        A line; None where there is no GPU, or nothing to choose.
    """
    request = packing_request(workload, store, options)
    if not request or not (gpus := gpu_count()):
        return None
    if not (known := known_packing(request)):
        return "how many trials share it is measured when the study starts, or by raysat plan --estimate"
    node = {"Alive": True, "Resources": {"CPU": float(os.cpu_count() or 1), "GPU": float(gpus)}}
    return str(gpu_share([node], workload, store, options, lambda: known))


def choose(
    packing: Packing,
    *,
    patches: int,
    workload: Workload,
    options: ClusterOptions,
    nodes: Sequence[Mapping[str, float]],
) -> GpuShare:
    """Decide how many trials share a GPU: twice as many must do a tenth more in all, but two no less than one.

    Args:
        packing: what a card did.
        patches: bytes of the patches, which are on a card once, whoever trains on them.
        workload: what is to be done.
        options: how to use the machines.
        nodes: resources of each, one with a GPU at least.

    Returns:
        The choice.
    """
    gains = [later >= GAIN * sooner for sooner, later in zip(packing.rates, packing.rates[1:], strict=False)]
    fastest, pauses = 2 ** gains.index(False) if False in gains else math.inf, ""
    if fastest == 1 and packing.rates[1] > _NO_LOSS * packing.rates[0]:
        fastest, pauses = 2, "one computes while the other evaluates or writes"
    # Where each gain went on, no more were measured for want of memory.
    with_gpus = [node for node in nodes if node.get("GPU", 0.0) >= 1]
    patches = min(patches, int(MOST_HELD * packing.memory))
    jobs = min(workload.jobs, options.max_concurrent or workload.jobs)
    limits = {
        pauses: min(fastest, MOST),
        "its memory holds no more": (ROOM * packing.memory - patches) // packing.need if packing.need else math.inf,
        "the machine's memory holds no more": min(
            node.get("memory", math.inf) // (node["GPU"] * _HOST_BYTES) for node in with_gpus
        ),
        "there are no more jobs": math.ceil(jobs / sum(node["GPU"] for node in with_gpus)),
        "each takes its CPUs": min(node["CPU"] // (node["GPU"] * (options.cpus_per_trial or 1)) for node in with_gpus),
        "generators take their part": 2 if workload.has_generators else math.inf,
    }
    limit = min(limits, key=limits.__getitem__)
    counts = " / ".join(str(2**step) for step in range(len(packing.rates)))
    rates = " / ".join(f"{rate:,.0f}" for rate in packing.rates)
    reasons = [f"{counts} at once do {rates} patches/s in all" if gains else f"one does {rates} patches/s", limit]
    if packing.mps == "off" and gains:
        reasons.append(f"NVIDIA MPS is off, with which they would not take turns ({START_MPS})")
    trials = max(1, int(limits[limit]))
    gain = packing.rates[trials.bit_length() - 1] / packing.rates[0]
    return GpuShare(trials=trials, gain=gain, reason="; ".join(filter(None, reasons)))


def unmeasured(cause: str) -> GpuShare:
    """A whole GPU for each trial, where nothing was measured."""
    return GpuShare(trials=1, gain=1.0, reason=f"whether more would be faster was not measured: {cause}")
