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
                study=None,
            )
            with patch_holders(settings, OnCpu) as holders:
                yield holders

    return begin


@pytest.fixture(name="holders", scope="module")
def _holders(begin: Begin) -> Iterator[Any]:
    with begin() as holders:
        yield holders


def holder_of(holders: Any) -> Any:
    return ray.get(holders.holder.remote(node(), ""))


def node() -> str:
    return str(ray.get_runtime_context().get_node_id())


def mapped(holders: Any, wanted: WantedPatches, where: str) -> tuple[dict[str, Any], bool] | None:
    """What another process maps, and whether what it then writes is seen in what it maps again."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    first, second = (mapped_pixels(holders, where, wanted) for _ in range(2))
    if first is None or second is None:
        return None
    found = {split: pixels.numpy().copy() for split, pixels in first.items()}
    first["val"][0, 0, 0, 0] += 1
    is_shared = torch.equal(first["val"], second["val"])
    first["val"][0, 0, 0, 0] -= 1
    return found, is_shared


def ask(holders: Any, wanted: WantedPatches = ALL, where: str | None = None) -> tuple[dict[str, Any], bool] | None:
    """Have a worker map patches: this process keeps none of torch's shared memory."""
    task = ray.remote(num_cpus=0, max_calls=1)(mapped)
    answer: tuple[dict[str, Any], bool] | None = ray.get(task.remote(holders, wanted, where or node()))
    return answer


def await_none(holders: Any) -> None:
    """An actor that is killed may answer once more."""
    began = time.monotonic()
    while ask(holders) is not None:
        assert time.monotonic() < began + 30


def ask_until_it_ends(holder: Any, *, seconds: float) -> None:
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        ray.get(holder.share.remote(ALL))
        time.sleep(0.1)


def stored(store: PatchStore, wanted: WantedPatches, split: Any) -> np.ndarray[Any, Any]:
    mapped = MappedPatches([store], split, wanted.bands, torch.device("cpu"))
    return mapped.read(np.arange(len(mapped))).numpy()


@pytest.mark.parametrize("wanted", [ALL, ONE], ids=["all bands", "one band"])
def test_processes_see_one_copy(landsat_store: PatchStore, holders: Any, wanted: WantedPatches) -> None:
    answer = ask(holders, wanted)
    assert answer is not None
    found, is_shared = answer
    assert is_shared
    for split in wanted.splits:
        np.testing.assert_array_equal(found[split], stored(landsat_store, wanted, split))


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
        assert ask(holders) is not None
        ray.kill(holder_of(holders))
        await_none(holders)
        assert ask(holders, where="0" * 56) is None  # a node that left
        ray.kill(holders)
        await_none(holders)


@pytest.mark.slow
def test_holders_end_with_the_run(begin: Begin) -> None:
    with begin() as holders:
        assert ask(holders) is not None
        holder = holder_of(holders)
    with pytest.raises(RayActorError):
        ask_until_it_ends(holder, seconds=30)


@pytest.mark.slow
def test_another_store_under_the_same_path_is_not_taken(begin: Begin) -> None:
    with begin("0" * 32) as holders:
        assert ask(holders) is None
