"""Steps from buffers on the device, as a graph takes them, against steps taken one by one: here both on the CPU.

What recording adds is tested in ``tests/gpu``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from raysat.config.schema import Trial
from raysat.data.store import PatchStore
from raysat.training import graphs
from raysat.training.contract.findings import BrokenError
from raysat.training.contract.watch import steps_watched
from raysat.training.engine import Engine
from raysat.training.graphs import GraphedSteps
from raysat.training.patches import MappedPatches, ResidentPatches
from raysat.training.step import TrainStep
from raysat.training.step_inputs import UpdateInputs
from tests.helpers.training import MakeStore, config

CPU = torch.device("cpu")
PARTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped": {"optim": {"kind": "sgd", "lr": 0.01, "momentum": 0.9, "clip_norm": 1.0}},
    "deferred": {"loss": {"kind": "ldam"}, "reweight": {"kind": "drw", "switch": 0.5}, "average": {"kind": "swa"}},
    "focal": {"loss": {"kind": "focal"}, "schedule": {"kind": "cosine"}},
    "corn, weighted": {"loss": {"kind": "corn"}, "reweight": {"kind": "inverse_frequency"}},
    "coral, augmix": {"loss": {"kind": "coral"}, "augment": {"kind": "augmix"}},
    "smoothed": {"loss": {"kind": "cross_entropy", "label_smoothing": 0.1}},
    "asymmetric": {"loss": {"kind": "asymmetric"}, "reweight": {"kind": "inverse_frequency"}},
    "label-aware": {"loss": {"kind": "label_aware_smoothing"}},
    "vector scaling": {"loss": {"kind": "vector_scaling"}},
    "influence": {"reweight": {"kind": "influence_balanced", "alpha": 10.0}, "augment": {"kind": "augmix"}},
    "influence, sam": {
        "reweight": {"kind": "influence_balanced", "alpha": 10.0, "switch": 0.0},
        "sharpness": {"kind": "sam"},
        "augment": {"kind": "mixup"},
    },
    "sam": {"sharpness": {"kind": "sam"}, "optim": {"kind": "sgd", "lr": 0.01, "clip_norm": 1.0}},
    "asam": {"sharpness": {"kind": "asam"}, "augment": {"kind": "augmix"}},
    "imbsam": {"sharpness": {"kind": "imbsam"}, "augment": {"kind": "mixup"}, "average": {"kind": "ema"}},
    "ema": {"average": {"kind": "ema"}},
    "mixup": {"augment": {"kind": "mixup"}, "reweight": {"kind": "inverse_frequency"}},
    "remix": {"augment": {"kind": "remix", "flips": True}, "reweight": {"kind": "inverse_frequency"}},
    "balanced": {"augment": {"kind": "balanced_mixup", "flips": True}},
    "cutmix": {"augment": {"kind": "cutmix"}},
    "trivial": {"augment": {"kind": "trivial_augment", "flips": True}},
    "band dropout": {"augment": {"kind": "band_dropout"}},
    "jitter": {"augment": {"kind": "spectral_jitter"}},
    "dihedral": {"augment": {"kind": "dihedral"}},
    "augmix": {"augment": {"kind": "augmix"}},
    "one view": {"augment": {"kind": "augmix", "jsd": False, "severity": 9}},
    **{
        kind: {"optim": {"epochs": 1}, "second_stage": {"kind": kind, "epochs": 1}} for kind in ("crt", "lws", "mislas")
    },
}


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store(dtype="uint16")


def engine(store: PatchStore, parts: dict[str, Any], *, resident: bool = False) -> Engine:
    """An engine; where ``resident``, with its patches and the inputs of its steps in buffers, as on a GPU."""
    made = Engine(Trial(config=config(**parts), seed=3), store, CPU)
    if resident:
        mapped = MappedPatches([store], "train", store.bands, CPU)
        made.patches["train"] = ResidentPatches(mapped, CPU)
        made._graphs = GraphedSteps(CPU, eager=True)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 4, 128])
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_steps_from_buffers_equal_steps_one_by_one(
    store: PatchStore, monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any], chunk: int
) -> None:
    monkeypatch.setattr(graphs, "_CHUNK", chunk)
    monkeypatch.setattr(graphs, "_FIRST", min(2, chunk))
    plain, buffered = engine(store, parts), engine(store, parts, resident=True)
    for epoch in range(2):
        assert plain.train_epoch(epoch) == buffered.train_epoch(epoch)
    assert plain.samples_seen == buffered.samples_seen
    for one, other in zip(plain.network.state_dict().values(), buffered.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(plain.final_model().parameters(), buffered.final_model().parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.fixture(name="watched")
def _watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Watch all that would be recorded; holds the size of each batch that a step was taken with."""
    seen, take = [], TrainStep.__call__

    def count(step: TrainStep, views: torch.Tensor, inputs: UpdateInputs, *rest: Any) -> torch.Tensor:
        seen.append(len(inputs.labels_b))
        return take(step, views, inputs, *rest)

    monkeypatch.setattr(TrainStep, "__call__", count)
    with steps_watched():
        yield seen


@pytest.mark.slow
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_a_step_asks_for_no_number(store: PatchStore, watched: list[int], parts: dict[str, Any]) -> None:
    engine(store, parts, resident=True).train_epoch(0)
    assert watched == [8, 8, 8, 8, 8, 2]


@pytest.mark.parametrize("kind", ["crt", "lws", "mislas"])
def test_a_step_of_a_second_stage_asks_for_no_number(store: PatchStore, watched: list[int], kind: str) -> None:
    engine(store, PARTS[kind], resident=True).train_epoch(1)
    assert watched == [8, 8, 8, 8, 8, 2]


@pytest.mark.parametrize("ask", [float, bool, torch.Tensor.item, lambda loss: loss.cpu(), lambda loss: loss[loss > 0]])
def test_the_watch_notices(store: PatchStore, watched: list[int], monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
    original = TrainStep.loss
    monkeypatch.setattr(TrainStep, "loss", lambda *given: (loss := original(*given), ask(loss))[0])
    with pytest.raises(BrokenError, match="waits for the device"):
        engine(store, {}, resident=True).train_epoch(0)


def test_recordings_go_when_what_they_work_on_does(store: PatchStore) -> None:
    one = engine(store, {}, resident=True)
    one.train_epoch(0)
    assert one._graphs is not None
    assert set(one._graphs._feeds) == {8, 2}
    one.state_changed()
    assert not one._graphs._feeds
