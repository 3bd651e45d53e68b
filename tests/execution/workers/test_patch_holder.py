"""One copy of patches for several processes: real Ray, and the CPU's shared memory in the place of a GPU's.

Torch makes handles of both alike; what is CUDA's own is in tests/gpu.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import ray
import torch
from ray.exceptions import RayActorError

from raysat.config.spacing import Spacing
from raysat.data.store import PatchStore
from raysat.execution.storage.run_storage import run_storage
from raysat.execution.workers import patch_holder as module
from raysat.execution.workers.patch_holder import PatchHolder, WantedPatches, mapped_pixels, patch_holders
from raysat.execution.workers.worker_context import SlotSettings
from raysat.training.patches import MappedPatches

ALL = WantedPatches(splits=("train", "val"), bands=("B6", "B5", "B2"), needs=())
ONE = replace(ALL, bands=("B5",))
Begin = Callable[..., AbstractContextManager[Any]]


class OnCpu(PatchHolder):
    """A holder whose GPU is the CPU's shared memory."""

    def __init__(self, settings: SlotSettings, gpu: str) -> None:
        torch.multiprocessing.set_sharing_strategy("file_system")
        super().__init__(settings, gpu)
        self._total = 10**9

    def has(self, total: int) -> None:
        """Have so much memory, and nothing in it."""
        self._total = total
        self._held.clear()

    def held(self) -> list[WantedPatches]:
        """What it holds, the longest unused first."""
        return list(self._held)

    def _device(self) -> torch.device:
        return torch.device("cpu")

    def _memory(self) -> tuple[int, int]:
        return self._total - self._bytes(), self._total


@pytest.fixture(name="begin", scope="module")
def _begin(landsat_store: PatchStore, tmp_path_factory: pytest.TempPathFactory, ray_session: None) -> Begin:
    ray.cloudpickle.register_pickle_by_value(__import__(__name__, fromlist=["OnCpu"]))
    folder = tmp_path_factory.mktemp("run")

    @contextmanager
    def begin(digest: str = landsat_store.digest) -> Iterator[Any]:
        generated = folder / "generated"
        with run_storage(folder, landsat_store.path, generated, one_machine=True) as storage:
            settings = SlotSettings(
                storage=storage,
                store=landsat_store.path,
                digest=digest,
                artifacts=generated,
                workers=1,
                cpus=1,
                gpus=0.5,
                spacing=Spacing(),
            )
            with patch_holders(settings, OnCpu) as holders:
                yield holders

    return begin


@pytest.fixture(name="holders", scope="module")
def _holders(begin: Begin) -> Iterator[Any]:
    with begin() as holders:
        yield holders


def holder_of(holders: Any) -> Any:
    return ray.get(holders.holder.remote(node(), os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]))


def ask_for(holder: Any, *, seconds: float) -> None:
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        ray.get(holder.share.remote(ALL))
        time.sleep(0.1)


def node() -> str:
    return str(ray.get_runtime_context().get_node_id())


def stored(store: PatchStore, wanted: WantedPatches, split: Any) -> np.ndarray[Any, Any]:
    mapped = MappedPatches([store], split, wanted.bands, torch.device("cpu"))
    return mapped.read(np.arange(len(mapped))).numpy()


@pytest.mark.parametrize("wanted", [ALL, ONE], ids=["all bands", "one band"])
def test_processes_see_one_copy(landsat_store: PatchStore, holders: Any, wanted: WantedPatches) -> None:
    first, second = (mapped_pixels(holders, node(), wanted) for _ in range(2))
    assert first is not None
    assert second is not None
    for split in wanted.splits:
        np.testing.assert_array_equal(first[split].numpy(), stored(landsat_store, wanted, split))
    first["val"][0, 0, 0, 0] += 1  # seen by both: neither has a copy of its own
    assert torch.equal(first["val"], second["val"])


def test_the_longest_unused_make_room(landsat_store: PatchStore, holders: Any) -> None:
    holder, size = holder_of(holders), sum(stored(landsat_store, ALL, split).nbytes for split in ALL.splits)
    ray.get(holder.has.remote(1000))
    assert ray.get(holder.share.remote(replace(ALL, splits=("train",)))) is None  # it does not fit
    ray.get(holder.has.remote(int(size / (2 * module._HELD_EACH)) + 1))  # ALL fits, and nothing beside it
    for wanted in (ALL, ONE, ALL):
        assert ray.get(holder.share.remote(wanted))
        assert ray.get(holder.held.remote()) == [wanted]
    ray.get(holder.has.remote(10 * size))
    for wanted in (ONE, ALL, ONE):
        assert ray.get(holder.share.remote(wanted))
    assert ray.get(holder.held.remote()) == [ALL, ONE]


@pytest.mark.slow
def test_where_the_holder_is_gone_there_are_none(begin: Begin) -> None:
    with begin() as holders:
        assert mapped_pixels(holders, node(), ALL) is not None
        ray.kill(holder_of(holders))
        assert mapped_pixels(holders, node(), ALL) is None
        assert mapped_pixels(holders, "0" * 56, ALL) is None  # a node that left
        ray.kill(holders)
        assert mapped_pixels(holders, node(), ALL) is None


@pytest.mark.slow
def test_holders_end_with_the_run(begin: Begin) -> None:
    with begin() as holders:
        assert mapped_pixels(holders, node(), ALL) is not None
        holder = holder_of(holders)
    with pytest.raises(RayActorError):
        ask_for(holder, seconds=30)


@pytest.mark.slow
def test_another_store_under_the_same_path_is_not_taken(begin: Begin) -> None:
    with begin("0" * 32) as holders:
        assert mapped_pixels(holders, node(), ALL) is None
