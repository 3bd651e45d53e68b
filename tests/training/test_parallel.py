"""Data parallelism: two gloo processes take the same first steps as one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from raysat.config.schema import variants
from raysat.data.store import PatchStore
from raysat.errors import DivergedError
from raysat.training import parallel
from raysat.training.models import build as models
from raysat.training.parallel import Workers
from tests.helpers.training import TINY, MakeStore, config, run

pytestmark = pytest.mark.slow

# test_vit has no batch norm; 19 patches in batches of 8 leave a last batch of 3, shards of 2 and of 1 and padding.
PARTS = {
    "model": {"name": "test_vit"},
    "optim": {"kind": "sgd", "lr": 0.05, "momentum": 0.0, "batch_size": 8, "epochs": 2},
    "loss": {"kind": "ldam", "scale": 3.0},
    "reweight": {"kind": "drw", "switch": 0.0, "beta": 0.9},
    "augment": {"kind": "augmix"},
    "average": {"kind": "swa", "start": 0.5, "every": 0.5},
}
OTHERS: dict[str, dict[str, Any]] = {
    "mixup": {**PARTS, "augment": {"kind": "mixup", "alpha": 1.0}, "average": {"kind": "ema"}},
    "one view": {**PARTS, "augment": {"kind": "augmix", "jsd": False}, "average": {"kind": "none"}},
    "smoothed": {
        **PARTS,
        "loss": {"kind": "cross_entropy", "label_smoothing": 0.3},
        "augment": {"kind": "mixup", "alpha": 1.0},
        "average": {"kind": "none"},
    },
    "sam": {**PARTS, "sharpness": {"kind": "sam"}},
    "asam, smoothed by class": {
        **PARTS,
        "loss": {"kind": "label_aware_smoothing"},
        "augment": {"kind": "none"},
        "average": {"kind": "none"},
        "sharpness": {"kind": "asam"},
    },
    "influence, mixup": {
        **PARTS,
        "loss": {"kind": "cross_entropy"},
        "reweight": {"kind": "influence_balanced", "switch": 0.5, "alpha": 10.0},
        "augment": {"kind": "mixup", "alpha": 1.0},
        "average": {"kind": "none"},
    },
    "imbsam, mixup": {
        **PARTS,
        "loss": {"kind": "vector_scaling"},
        "augment": {"kind": "mixup", "alpha": 1.0},
        "average": {"kind": "ema"},
        "sharpness": {"kind": "imbsam"},
    },
    "remix": {**PARTS, "augment": {"kind": "remix", "flips": True}, "average": {"kind": "none"}},
    "balanced": {**PARTS, "augment": {"kind": "balanced_mixup", "alpha": 1.0}, "average": {"kind": "none"}},
    "cutmix": {**PARTS, "augment": {"kind": "cutmix", "probability": 1.0}, "average": {"kind": "none"}},
    "trivial": {**PARTS, "augment": {"kind": "trivial_augment", "flips": True}, "average": {"kind": "none"}},
    "jitter": {**PARTS, "augment": {"kind": "spectral_jitter"}, "average": {"kind": "none"}},
    "partly frozen": {
        **PARTS,
        "model": {"name": "test_vit", "trains": 2, "layer_decay": 0.7},
        "augment": {"kind": "none"},
    },
    "dihedral": {**PARTS, "augment": {"kind": "dihedral"}, "average": {"kind": "none"}},
    **{
        kind: {**PARTS, "average": {"kind": "none"}, "second_stage": {"kind": kind, "epochs": 2}}
        for kind in ("crt", "lws", "mislas")
    },
}
# Features are summed over the workers; what is chosen on val is chosen by each of them, from the same scores.
READOUTS: dict[str, dict[str, Any]] = {kind: {"kind": kind} for kind in variants("readout")}
SMOOTH = ("none", "temperature", "logit_adjustment", "nearest_mean", "prior", "dihedral")  # which rounding hardly moves
COUNTS = {"train": (10, 6, 3), "val": (3, 2, 2), "test": (200, 60, 20)}  # two evaluation batches


def readout_parts(readout: dict[str, Any]) -> dict[str, Any]:
    return {"model": {"name": "test_vit"}, "optim": {**PARTS["optim"], "epochs": 1}, "readout": readout}


def train_and_save(rank: int, world: int, store: str, meeting: str, out: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        opened = PatchStore.open(store)
        reports, outcome = run(config(**PARTS), opened)
        others = {name: run(config(**parts), opened)[1].state_dict for name, parts in OTHERS.items()}
        read = {kind: run(config(**readout_parts(readout)), opened)[1] for kind, readout in READOUTS.items()}
        _, normed = run(config(model={"name": TINY}, second_stage={"kind": "mislas", "epochs": 1}), opened)
        _, sharp = run(config(model={"name": TINY}, sharpness={"kind": "imbsam"}), opened)
        try:
            run(
                config(optim={"kind": "sgd", "lr": 1000.0, "weight_decay": 1000.0, "batch_size": 8, "epochs": 1}),
                opened,
            )
            diverged = False
        except DivergedError:
            diverged = True
        torch.save(
            {
                "loss": reports[-1].loss,
                "images": outcome.samples_seen,
                "state": outcome.state_dict,
                "others": others,
                "read": {kind: torch.from_numpy(each.probabilities) for kind, each in read.items()},
                "fitted": {kind: each.readout.model_dump_json() for kind, each in read.items() if each.readout},
                "probabilities": torch.from_numpy(outcome.probabilities),
                "normed": normed.state_dict | {f"sharp {name}": value for name, value in sharp.state_dict.items()},
                "diverged": diverged,
            },
            f"{out}/{rank}.pt",
        )
    finally:
        dist.destroy_process_group()


def test_two_workers_train_as_one(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store(COUNTS, size=16)
    arguments = (2, str(store.path), str(tmp_path / "meeting"), str(tmp_path))
    mp.spawn(train_and_save, args=arguments, nprocs=2)
    reports, alone = run(config(**PARTS), store)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for found in ranks:
        assert found["images"] == alone.samples_seen == 2 * 19 * 3
        assert found["loss"] == pytest.approx(reports[-1].loss, rel=1e-4)
        for name, value in alone.state_dict.items():
            torch.testing.assert_close(found["state"][name], value, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found["probabilities"], alone.probabilities, atol=1e-4)
        assert found["diverged"]  # on every rank, so that none waits for another
    for name, parts in OTHERS.items():
        expected = run(config(**parts), store)[1].state_dict
        for found in ranks:
            torch.testing.assert_close(found["others"][name], expected, rtol=1e-3, atol=1e-5, msg=name)
    assert ranks[0]["fitted"] == ranks[1]["fitted"]
    for kind, readout in READOUTS.items():
        expected = run(config(**readout_parts(readout)), store)[1].probabilities
        assert torch.equal(*(found["read"][kind] for found in ranks)), kind
        if kind in SMOOTH:
            np.testing.assert_allclose(ranks[0]["read"][kind], expected, atol=1e-3, err_msg=kind)
    for name, value in ranks[0]["normed"].items():  # with batch norm the ranks agree, statistics included
        assert torch.equal(value, ranks[1]["normed"][name]), name


def test_without_a_process_group_a_worker_is_alone() -> None:
    workers, network = Workers.current(), torch.nn.Linear(2, 2)
    assert workers == Workers(rank=0, world=1)
    assert workers.wrap(network, torch.device("cpu")) is network
    value = torch.ones(2)
    assert workers.sum(value) is value
    workers.share_buffers(network)


@pytest.mark.parametrize("name", [TINY, "test_efficientnet"])  # test_efficientnet's norm layers hold activations
def test_batch_norm_is_of_the_whole_batch_on_cuda(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(parallel, "DistributedDataParallel", lambda network, device_ids: network)
    network = models.build(config(model={"name": name}).model, bands=3, classes=2, size=(32, 32)).eval()
    images, state, parameters = torch.randn(4, 3, 32, 32), network.state_dict(), list(network.parameters())
    expected = network(images)
    wrapped = Workers(rank=0, world=2).wrap(network, torch.device("cuda"))
    norms = [layer for layer in network.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert all(isinstance(layer, torch.nn.SyncBatchNorm) for layer in norms)
    assert wrapped is network  # the one whose weights are optimised, averaged and saved
    assert all(one is other for one, other in zip(parameters, network.parameters(), strict=True))
    assert network.state_dict().keys() == state.keys()
    torch.testing.assert_close(network(images), expected)


def test_batch_norm_is_of_each_rank_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "DistributedDataParallel", lambda network, device_ids: network)
    network = models.build(config().model, bands=3, classes=2, size=(32, 32))
    Workers(rank=0, world=2).wrap(network, torch.device("cpu"))
    assert not any(isinstance(layer, torch.nn.SyncBatchNorm) for layer in network.modules())
