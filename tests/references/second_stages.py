"""Second stages beside plain PyTorch in the form of their authors' code, on the same batches from the same weights."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.config.schema import Trial
from raysat.config.stages import final_config, stages
from raysat.data.store import PatchStore, StoreWriter
from raysat.training.class_constants import class_constants
from raysat.training.engine import Engine
from raysat.training.epochs import Epochs
from raysat.training.losses import patch_losses, posterior_logits
from raysat.training.seeding import derive
from tests.helpers.training import TINY, config, run
from tests.references.registry import Pair, compared

COUNTS = (40, 17, 6)
_FOLDER = tempfile.TemporaryDirectory()  # removed at exit
SEED, FIRST, SECOND, LR, DECAY = 3, 2, 3, 0.1, 5e-4


@lru_cache
def _store() -> PatchStore:
    """Patches of three classes, of which one is rare."""
    rng, folder = np.random.default_rng(0), Path(_FOLDER.name)
    named = {"bands": ("B6", "B5", "B2"), "classes": ["a", "b", "c"], "sensor": None, "source": {}}
    with StoreWriter(folder / "store", **named) as writer:
        for split, counts in (("train", COUNTS), ("val", (4, 4, 4))):
            for label, number in enumerate(counts):
                for patch in rng.normal(120 + 25 * label, 30, (number, 3, 16, 16)):
                    writer.add(np.clip(patch, 0, 255).astype(np.uint8), label, split)
        return writer.close()


def _parts(**second: Any) -> dict[str, Any]:
    first = {"optim": {"kind": "adam", "batch_size": 8, "epochs": FIRST}}
    return {**first, "second_stage": {"epochs": SECOND, "lr": LR, "weight_decay": DECAY, **second}} if second else first


@dataclass(frozen=True)
class Second:
    """What the reference starts from: the network of the first stage, and each step's patches, labels and rate."""

    network: nn.Module
    steps: list[tuple[Tensor, Tensor, float]]


def _second() -> Second:
    _, first = run(config(**_parts()), _store(), seed=SEED)
    network = timm.create_model(TINY, in_chans=3, num_classes=3)
    network.load_state_dict(first.state_dict)
    engine = Engine(Trial(config=config(**_parts(kind="crt")), seed=SEED), _store(), torch.device("cpu"))
    train, batches = engine.patches["train"], [b for e in range(SECOND) for b in engine._epochs.batches(FIRST + e)]
    rates = [LR * 0.5 * (1 + math.cos(math.pi * step / len(batches))) for step in range(len(batches))]
    images = [engine._clean(train.take(batch)) for batch in batches]
    labels = [torch.from_numpy(train.labels[batch].astype(np.int64)) for batch in batches]
    return Second(network.eval(), list(zip(images, labels, rates, strict=True)))


def _features(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network.forward_head(network.forward_features(images), pre_logits=True)


def _ours(**second: Any) -> dict[str, Tensor]:
    return run(config(**_parts(**second)), _store(), seed=SEED)[1].state_dict


def _flat(*parts: Tensor) -> npt.NDArray[np.float64]:
    return np.concatenate([part.detach().double().numpy().ravel() for part in parts])


@compared("second_stage.crt", by="softmax regression on the features, in PyTorch", within=1e-4)
def _crt() -> Pair:
    second, ours = _second(), _ours(kind="crt")
    torch.manual_seed(derive(SEED, "second_stage"))
    head = nn.Linear(second.network.num_features, 3)
    optimizer = torch.optim.SGD(head.parameters(), lr=LR, momentum=0.9, weight_decay=DECAY)
    for images, labels, rate in second.steps:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        F.cross_entropy(head(_features(second.network, images)), labels).backward()
        optimizer.step()
    return _flat(ours["fc.weight"], ours["fc.bias"]), _flat(head.weight, head.bias)


@compared("second_stage.lws", by="factors of the scores, as the code of Kang et al. 2020, in PyTorch", within=1e-4)
def _lws() -> Pair:
    second, ours = _second(), _ours(kind="lws")
    head, factors = second.network.fc, nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([factors], lr=LR, momentum=0.9, weight_decay=DECAY)
    for images, labels, rate in second.steps:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        F.cross_entropy(head(_features(second.network, images)).detach() * factors, labels).backward()
        optimizer.step()
    return _flat(ours["fc.weight"], ours["fc.bias"]), _flat(head.weight * factors[:, None], head.bias * factors)


@compared("second_stage.mislas", by="as the code of Zhong et al. 2021, in PyTorch", within=1e-4)
def _mislas() -> Pair:
    second, ours = _second(), _ours(kind="mislas", lr_factor=0.2, head=0.4, tail=0.1)
    network, factors = second.network, nn.Parameter(torch.ones(1, 3))
    groups = [{"params": list(network.fc.parameters())}, {"params": [factors]}]
    optimizer = torch.optim.SGD(groups, lr=LR, momentum=0.9, weight_decay=DECAY)
    spread_of = torch.tensor([0.1 + 0.3 * math.sin((n - 6) * math.pi / (2 * (40 - 6))) for n in COUNTS])
    network.train()
    for images, labels, rate in second.steps:
        optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = 0.2 * rate, rate
        log_p = F.log_softmax(factors * network.fc(_features(network, images)), dim=-1)
        e = spread_of[labels]
        loss = (1 - e) * F.nll_loss(log_p, labels, reduction="none") - e * log_p.mean(dim=-1)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    shifted = [name for name, value in network.named_buffers() if value.is_floating_point()]
    folded = network.fc.weight * factors.T, network.fc.bias * factors[0]
    return (
        _flat(ours["fc.weight"], ours["fc.bias"], *(ours[name] for name in shifted)),
        _flat(*folded, *(network.get_buffer(name) for name in shifted)),
    )


@compared("second_stage.mislas", by="label-aware smoothing by its targets, in NumPy", within=1e-5)
def _smoothing() -> Pair:
    rng, counts = np.random.default_rng(5), np.array([900, 300, 41, 7])
    logits, labels = rng.normal(size=(64, 4)) * 3, rng.integers(0, 4, 64)
    own = final_config(config(second_stage={"kind": "mislas", "head": 0.4, "tail": 0.1}))
    constants = torch.tensor(class_constants(own.loss, counts), dtype=torch.float32)
    ours = patch_losses(own, torch.tensor(logits).float(), torch.tensor(labels), constants, torch.ones(4))
    spread = np.array([0.1 + 0.3 * np.sin(np.pi * (n - 7) / (2 * (900 - 7))) for n in counts])[labels]
    targets = np.eye(4)[labels] * (1 - spread)[:, None] + spread[:, None] / 4
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return ours, -(targets * log_p).sum(axis=1)


@compared("second_stage.crt", by="its rates: CosineAnnealingLR of PyTorch, by step", within=1e-12)
def _rates() -> Pair:
    own, labels = config(**_parts(kind="crt")), np.repeat(np.arange(3), COUNTS)
    epochs = Epochs(own, labels, np.array(COUNTS), seed=0)
    steps = SECOND * epochs.steps
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=0)
    expected = []
    for _ in range(steps):
        expected.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return [epochs.learning_rate(FIRST * epochs.steps + step) for step in range(steps)], expected


@compared("second_stage.lws", by="its start under LDAM: the first stage's posterior", within=1e-5)
def _start() -> Pair:
    """The network that a stage begins with says what the first one's said."""
    first, tiny = {"loss": {"kind": "ldam", "scale": 7.0}}, {"kind": "lws", "epochs": 1, "lr": 1e-12}
    before = run(config(**_parts(), **first), _store(), seed=SEED)[1]
    after = run(config(**{**_parts(), "second_stage": tiny}, **first), _store(), seed=SEED)[1]
    own = stages(config(**first))[0].config
    assert torch.allclose(posterior_logits(own, torch.ones(3)), torch.full((3,), 7.0))
    return after.probabilities, before.probabilities
