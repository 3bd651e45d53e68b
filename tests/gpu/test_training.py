"""Training on a GPU: graphs that are replayed against the same steps launched one by one, bit for bit."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from raysat.config.schema import Trial
from raysat.data.store import PatchStore
from raysat.errors import DivergedError
from raysat.training import evaluation, graphs
from raysat.training.checkpoint import decode
from raysat.training.loop import Training
from raysat.training.models import build as models
from raysat.training.results import TrialResult
from raysat.training.seeding import reproducible
from tests.helpers.training import MakeStore, config

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")

CUDA = torch.device("cuda")
SGD = {"kind": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4, "clip_norm": 1.0}
PARTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sgd": {"optim": SGD},
    "adamw": {"optim": {"kind": "adamw"}},
    "deferred": {
        "loss": {"kind": "ldam"},
        "reweight": {"kind": "drw", "switch": 0.5},
        "sampler": {"kind": "drs", "switch": 0.5},
        "schedule": {"kind": "triangular", "base_lr": 1e-4, "max_lr": 1e-3, "step_epochs": 1.0},
        "average": {"kind": "swa", "start": 0.5},
    },
    "smoothed": {"loss": {"kind": "cross_entropy", "label_smoothing": 0.1}, "reweight": {"kind": "inverse_frequency"}},
    "corn": {"loss": {"kind": "corn"}, "reweight": {"kind": "inverse_frequency"}},
    "coral": {"loss": {"kind": "coral"}, "augment": {"kind": "augmix"}},
    "squared emd": {"loss": {"kind": "emd2"}, "augment": {"kind": "mixup"}},
    "ema": {"average": {"kind": "ema"}},
    "mixup": {"augment": {"kind": "mixup"}},
    "remix": {"augment": {"kind": "remix", "flips": True}, "reweight": {"kind": "inverse_frequency"}},
    "balanced": {"augment": {"kind": "balanced_mixup", "flips": True}},
    "cutmix": {"augment": {"kind": "cutmix"}},
    "trivial": {"augment": {"kind": "trivial_augment", "flips": True}},
    "band dropout": {"augment": {"kind": "band_dropout"}},
    "jitter": {"augment": {"kind": "spectral_jitter"}},
    "dihedral": {"augment": {"kind": "dihedral"}},
    "augmix": {"augment": {"kind": "augmix"}},
    "one view": {"augment": {"kind": "augmix", "jsd": False}},
    "vector scaling": {"loss": {"kind": "vector_scaling"}},
    "asymmetric": {"loss": {"kind": "asymmetric"}, "reweight": {"kind": "inverse_frequency"}},
    "influence": {"reweight": {"kind": "influence_balanced", "alpha": 10.0, "switch": 0.5}},
    "sam": {"sharpness": {"kind": "sam"}, "optim": SGD},
    "asam": {"sharpness": {"kind": "asam"}, "augment": {"kind": "augmix"}, "average": {"kind": "ema"}},
    "imbsam": {"sharpness": {"kind": "imbsam"}, "augment": {"kind": "mixup"}},
    "dropout": {"model": {"name": "test_efficientnet"}, "augment": {"kind": "mixup"}},
    "transformer": {"model": {"name": "test_vit"}},
    "thresholds": {"readout": {"kind": "thresholds"}},
    "nearest means": {"readout": {"kind": "nearest_mean"}},
    "linear probe": {"model": {"trains": "head"}, "average": {"kind": "ema"}},
    "partly frozen": {
        "model": {"trains": 2, "layer_decay": 0.7},
        "optim": SGD,
        "average": {"kind": "swa", "start": 0.5},
    },
}
STAGES: dict[str, dict[str, Any]] = {
    kind: {"optim": {"epochs": 2}, "second_stage": {"kind": kind, "epochs": 2}} for kind in ("crt", "lws", "mislas")
}


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store(size=32)


@pytest.fixture(autouse=True)
def _deterministic() -> Iterator[None]:
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    yield
    torch.backends.cudnn.deterministic = before


def begin(store: PatchStore, parts: dict[str, Any], *, eager: bool = False) -> Training:
    what = config(**{**parts, "optim": {"epochs": 4, **parts.get("optim", {})}})
    return Training(Trial(config=what, seed=1), store, device=CUDA, eager=eager)


def finish(training: Training, epochs: int = 4) -> TrialResult:
    while training.epoch < epochs:
        training.advance()
    return training.result()


def recordings(training: Training) -> int:
    """How many sizes of batch are replayed."""
    made = training._engine._graphs
    assert made is not None
    return sum(feed.replay._graph is not None for feed in made._feeds.values())


def assert_equal(one: TrialResult, other: TrialResult) -> None:
    assert [row.loss for row in one.history] == [row.loss for row in other.history]
    assert all(torch.equal(value, other.state_dict[name]) for name, value in one.state_dict.items())
    assert one.probabilities.tobytes() == other.probabilities.tobytes()


@pytest.mark.parametrize("parts", (PARTS | STAGES).values(), ids=PARTS | STAGES)
def test_replayed_steps_equal_launched_ones(store: PatchStore, parts: dict[str, Any]) -> None:
    launched, replayed = begin(store, parts, eager=True), begin(store, parts)
    expected = finish(launched)
    assert_equal(finish(replayed), expected)
    assert (recordings(launched), recordings(replayed)) == (0, 2)  # whole batches, and the last one


def test_the_same_trial_twice_is_equal(store: PatchStore) -> None:
    first, second = (finish(begin(store, PARTS["augmix"])) for _ in range(2))
    assert_equal(first, second)


@pytest.mark.parametrize("name", ["deferred", "ema", "sgd", "augmix"])
def test_a_resumed_training_is_an_uninterrupted_one(store: PatchStore, name: str) -> None:
    whole, broken = begin(store, PARTS[name]), begin(store, PARTS[name])
    finish_at_two = broken
    for _ in range(2):
        finish_at_two.advance()
    resumed = begin(store, PARTS[name])
    resumed.restore(decode(finish_at_two.state().encode()))
    assert_equal(finish(resumed), finish(whole))


def test_a_state_may_be_replaced_while_steps_are_recorded(store: PatchStore) -> None:
    """Recordings read the memory of the state before; they are made anew."""
    whole, other = begin(store, {}), begin(store, {})
    whole.advance()
    whole.advance()
    state = decode(whole.state().encode())
    finish(other, 3)
    other.restore(state)
    assert_equal(finish(other), finish(whole))


def test_a_dropped_average_is_no_longer_moved(store: PatchStore) -> None:
    with_it, without = begin(store, PARTS["ema"]), begin(store, {})
    for _ in range(2):
        with_it.advance()
    (name,) = with_it.averages
    kept = with_it._engine.averages[name]
    before = [parameter.clone() for parameter in kept.network.parameters()]
    with_it.drop_average(name)
    for _ in range(2):
        with_it.advance()
    assert all(map(torch.equal, before, kept.network.parameters()))
    expected = finish(without)
    assert [row.loss for row in with_it.history] == [row.loss for row in expected.history]


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_steps_never_wait_for_the_device(store: PatchStore, parts: dict[str, Any], eager: bool) -> None:
    training = begin(store, parts, eager=eager)
    for _ in range(2):
        training.advance()
    engine = training._engine
    moved = [average for average in engine.averages.values() if average.takes_every_step]
    inputs = list(engine._inputs(2, engine._epochs.batches(2), torch.ones(3, dtype=torch.float64).numpy(), moved))
    with reproducible(CUDA, 0, "test"):
        engine._parallel.train()
        torch.cuda.set_sync_debug_mode("error")
        try:
            losses = engine._take_steps(2, iter(inputs), moved)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(losses).all()


def test_what_a_graph_cannot_hold_is_launched_and_said_once(
    store: PatchStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Asks(torch.nn.Module):
        def forward(self, patches: torch.Tensor) -> torch.Tensor:
            return patches if patches.sum().item() < 1e30 else patches * 2

    original = models.build
    monkeypatch.setattr(models, "build", lambda *a, **k: torch.nn.Sequential(Asks(), original(*a, **k)))
    expected = finish(begin(store, PARTS["dropout"], eager=True))
    with caplog.at_level(logging.ERROR, logger=graphs.__name__):
        training = begin(store, PARTS["dropout"])
        found = finish(training)
    assert_equal(found, expected)
    assert recordings(training) == 0
    assert len(caplog.records) == 1
    assert "\n" not in caplog.text.strip()


def test_replayed_predictions_equal_launched_ones(store: PatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 4)  # of 18 patches
    launched, replayed = begin(store, {}, eager=True), begin(store, {})
    assert_equal(finish(replayed), finish(launched))
    assert [row.metrics for row in replayed.history] == [row.metrics for row in launched.history]
    assert not launched._engine.predictor._replayed
    assert all(split._replay._graph is not None for split in replayed._engine.predictor._replayed.values())


def test_divergence_names_the_batch(store: PatchStore) -> None:
    optim = {"kind": "sgd", "lr": 1000.0, "weight_decay": 1000.0}
    with pytest.raises(DivergedError, match=r"epoch 1 of 4, batch [2-6] of 6, at learning rate 1000"):
        begin(store, {"optim": optim}).advance()


def test_batches_beyond_a_chunk_are_taken_in_order(store: PatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finish(begin(store, PARTS["augmix"]))
    monkeypatch.setattr(graphs, "_FIRST", 1)
    monkeypatch.setattr(graphs, "_CHUNK", 2)
    assert_equal(finish(begin(store, PARTS["augmix"])), whole)
