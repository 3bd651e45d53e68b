"""Several trials on one GPU: what they need is measured, and they map one copy of the patches."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from raysat.config.schema import Trial
from raysat.config.spacing import Spacing
from raysat.data.store import PatchStore, Split
from raysat.execution.cluster.packing import packing_measured
from raysat.execution.storage.run_storage import RunStorage
from raysat.execution.workers.patch_holder import PatchHolder, WantedPatches
from raysat.execution.workers.worker_context import SlotSettings
from raysat.training.loop import Training
from raysat.training.packing.messages import PackingRequest
from tests.helpers.training import MakeStore, config

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")

BANDS = ("B4", "B3", "B2")
WANTED = WantedPatches(splits=("train", "val", "test"), bands=BANDS, needs=())


def test_trainings_side_by_side_are_measured(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    request = PackingRequest.of(
        (config(), config(augment={"kind": "augmix"})), make_store(bands=BANDS, size=32), most=4
    )
    with packing_measured(request) as measured:
        found = measured()
    assert found.device == torch.cuda.get_device_name()
    assert 3 * 10**8 < found.need < found.memory
    assert len(found.rates) > 1


def train(store: PatchStore, handles: Mapping[Split, bytes] | None) -> list[float]:
    pixels = handles and {split: pickle.loads(handle) for split, handle in handles.items()}  # noqa: S301  (our own)
    what = Trial(config=config(), seed=0)
    torch.backends.cudnn.deterministic = True
    training = Training(what, store, device=torch.device("cuda", 0), shared=lambda *_: pixels)
    return [training.advance().loss for _ in range(3)]


def child(path: Path, handles: Mapping[Split, bytes], losses: Any) -> None:
    losses.put(train(PatchStore.open(path), handles))


def test_processes_train_on_one_copy_as_on_their_own(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store(bands=BANDS, size=32)
    settings = SlotSettings(
        storage=RunStorage(run=tmp_path, store=store.path, generated=tmp_path, marks=(), disk=None),
        store=store.path,
        digest=store.digest,
        artifacts=tmp_path,
        workers=1,
        cpus=1,
        gpus=0.5,
        spacing=Spacing(),
        study=None,
    )
    holder = PatchHolder(settings, os.environ.get("CUDA_VISIBLE_DEVICES", "0"))
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    for _ in range(2):
        handles = holder.share(WANTED)
        assert handles is not None
        process = context.Process(target=child, args=(store.path, handles, found))
        process.start()
        losses = found.get(timeout=120)
        process.join()
        np.testing.assert_array_equal(losses, train(store, None))
