"""One copy of the patches on each GPU, for all trials there: a process holds it, and workers map it (CUDA IPC).

The processes belong to the driver, so that a slot that ends or dies takes no patches from others. A worker that gets
none, for want of memory or because the process is gone, has a copy of its own, or reads from disk.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysat.data.store import Split
from raysat.execution.workers.node_stores import open_store
from raysat.execution.workers.worker_context import SlotSettings
from raysat.formatting import one_line
from raysat.storage.artifacts import Artifacts
from raysat.training.packing.messages import MOST_HELD

_LOGGER: Final = logging.getLogger(__name__)
_HELD_EACH: Final = 0.1  # of a card's memory for each trial that shares it, ``MOST_HELD`` in all
_OF_FREE: Final = 0.6  # of the memory that is free, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPatches:
    """Which patches a trial wants on its GPU; equal wishes share one copy."""

    splits: tuple[Split, ...]
    bands: tuple[str, ...]
    needs: tuple[str, ...]  # generate jobs whose patches join the train split


class PatchHolder:
    """Holds patches on one GPU; an actor."""

    def __init__(self, settings: SlotSettings, gpu: str) -> None:
        """Take a GPU, by what CUDA_VISIBLE_DEVICES is for its workers: in all of them it is the first."""
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # Ray hides all from a process that reserves none
        self._settings = settings
        self._held: dict[WantedPatches, Mapping[Split, Any]] = {}  # the one that was asked for last comes last

    def share(self, wanted: WantedPatches) -> dict[Split, bytes] | None:
        """Have patches on the GPU, and tell how a process on this machine maps them; None where they do not fit.

        Those that were asked for longest ago make room; CUDA frees them when nobody maps them any more.
        """
        if (pixels := self._held.pop(wanted, None)) is None:
            pixels = self._load(wanted)
        if pixels is None:
            return None
        self._held[wanted] = pixels
        return {split: bytes(ForkingPickler.dumps(tensor)) for split, tensor in pixels.items()}

    def _load(self, wanted: WantedPatches) -> Mapping[Split, Any] | None:
        import torch
        import torch.multiprocessing  # has the pickler know CUDA's memory

        from raysat.training.patches import ResidentPatches, mapped_patches

        device, settings = self._device(), self._settings
        files, driver, artifacts = settings.storage.open(), settings.storage.driver, Artifacts(settings.artifacts)
        store = open_store(settings.store, settings.digest, driver)
        made = [open_store(artifacts.path(need), files.digest(need), driver, job=need) for need in wanted.needs]
        mapped = mapped_patches(store, wanted.splits, wanted.bands, device, generated=made)
        if not self._make_room(sum(patches.nbytes for patches in mapped.values())):
            return None
        try:
            return {split: ResidentPatches(patches, device).pixels for split, patches in mapped.items()}
        except torch.cuda.OutOfMemoryError:
            return None

    def _make_room(self, size: int) -> bool:
        """Let go of patches until so many bytes more may be held; whether they may."""
        free, total = self._memory()
        most = min(MOST_HELD, _HELD_EACH / self._settings.gpus) * total
        if size > most:
            return False
        while self._held and (size + self._bytes() > most or size > _OF_FREE * free):
            del self._held[next(iter(self._held))]
            free, _ = self._memory()
        return size + self._bytes() <= most and size <= _OF_FREE * free

    def _bytes(self) -> int:
        return sum(tensor.nbytes for pixels in self._held.values() for tensor in pixels.values())

    def _device(self) -> Any:
        import torch

        return torch.device("cuda", 0)

    def _memory(self) -> tuple[int, int]:
        """Free and in all, in bytes."""
        import torch

        torch.cuda.ipc_collect()  # type: ignore[no-untyped-call]  # what nobody maps any more
        torch.cuda.empty_cache()
        free, total = torch.cuda.mem_get_info(self._device())
        return free, total


class PatchHolders:
    """Makes holders where workers ask for them; an actor of the driver, with which they all end."""

    def __init__(self, settings: SlotSettings, kind: type[PatchHolder] = PatchHolder) -> None:
        self._settings, self._kind = settings, kind
        self._made: dict[tuple[str, str], Any] = {}

    def holder(self, node: str, gpu: str) -> Any:
        """The holder of a GPU.

        Args:
            node: Ray's id of its machine.
            gpu: what CUDA_VISIBLE_DEVICES is for its workers.

        Returns:
            An actor.
        """
        if (node, gpu) not in self._made:
            there = NodeAffinitySchedulingStrategy(node, soft=False)
            actor = ray.remote(num_cpus=0, scheduling_strategy=there, max_restarts=0)(self._kind)
            self._made[node, gpu] = actor.remote(self._settings, gpu)
        return self._made[node, gpu]


@contextmanager
def patch_holders(settings: SlotSettings, kind: type[PatchHolder] = PatchHolder) -> Iterator[Any]:
    """Have the actor that makes holders, on the driver's node, for as long as a run takes.

    Args:
        settings: where the run's patches are.
        kind: of holders.

    Yields:
        The actor, for ``mapped_pixels``.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=here)(PatchHolders).remote(settings, kind)
    try:
        yield actor
    finally:
        ray.kill(actor)


def mapped_pixels(holders: Any, node: str, wanted: WantedPatches) -> dict[Split, Any] | None:
    """Map patches that a holder has on this process's GPU, as tensors (N, C, H, W); None where there are none.

    Args:
        holders: the actor of ``patch_holders``.
        node: Ray's id of this machine.
        wanted: which patches.

    Returns:
        By split.
    """
    import torch.multiprocessing  # noqa: F401  (has pickle know CUDA's memory)

    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    try:
        holder = ray.get(holders.holder.remote(node, gpu))
        handles = ray.get(holder.share.remote(wanted))
        return handles and {split: pickle.loads(handle) for split, handle in handles.items()}  # noqa: S301  (our own)
    except (RayError, RuntimeError, OSError) as error:  # it is gone, cannot read the patches, or nobody may map them
        cause = one_line(str(error).strip().splitlines()[-1])
        _LOGGER.warning("this trial has its patches for itself: %s", cause)
        return None
