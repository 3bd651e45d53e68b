"""The training loop from end to end, on small stores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raysat.config.schema import Trial
from raysat.errors import DivergedError, PlanError
from raysat.metrics.confusion import from_predictions
from raysat.training.augment import augmix as augment
from raysat.training.averaging import WeightAverage
from raysat.training.engine import Engine
from raysat.training.loop import Training, train
from raysat.training.models import build as models
from raysat.training.patches import Scale
from raysat.training.results import EpochReport
from tests.helpers.training import TINY, MakeStore, config, run

pytestmark = pytest.mark.slow

FULL = {
    "loss": {"kind": "ldam"},
    "reweight": {"kind": "drw", "switch": 0.5},
    "sampler": {"kind": "inverse_frequency"},
    "schedule": {"kind": "triangular", "base_lr": 1e-3, "max_lr": 5e-3, "step_epochs": 1.0},
    "average": {"kind": "swa", "start": 0.5},
    "augment": {"kind": "augmix"},
}
SGD = {"kind": "sgd", "lr": 0.01, "momentum": 0.0}


@pytest.mark.parametrize(
    "parts",
    [
        {"optim": SGD},
        {"optim": {**SGD, "momentum": 0.9, "weight_decay": 1e-4, "clip_norm": 1.0}},
        {"augment": FULL["augment"]},
        {"average": FULL["average"], "augment": FULL["augment"]},
        {"average": {"kind": "ema"}, "augment": {"kind": "mixup"}},
        {"model": {"name": TINY, "stem": "adapter"}},
        {"model": {"name": "test_efficientnet"}},
        {"model": {"name": "test_vit"}},
        {"data": {"bands": ["B2"]}},
    ],
    ids=lambda parts: "-".join(f"{key}.{next(iter(value.values()))}" for key, value in parts.items()),
)
def test_a_configuration_trains(make_store: MakeStore, parts) -> None:
    what = config(**parts)
    reports, result = run(what, make_store(size=32))
    assert [report.epoch for report in reports] == [1, 2]
    assert all(np.isfinite(report.loss) and report.seconds > 0 and report.epochs == 2 for report in reports)
    assert result.history == tuple(reports)
    assert np.isfinite(result.probabilities).all()
    views = 3 if what.augment.kind == "augmix" else 1
    assert [report.samples_seen for report in reports] == [42 * views, 84 * views]
    assert result.samples_seen == 84 * views


def test_the_result_is_that_of_the_returned_weights(make_store: MakeStore) -> None:
    """Rebuild the model from the state and predict in plain numpy and torch: the numbers must be the reported ones."""
    store = make_store(dtype="uint16", bands=["B1", "B2", "B3", "B4"])
    what = config(data={"bands": ["B4", "B1"]})
    reports, result = run(what, store)
    network = models.build(what.model, bands=2, classes=3, size=(16, 16))
    network.load_state_dict(result.state_dict)
    network.eval()
    pixels = store.images[store.indices("test")][:, [3, 0]].astype(np.float64)
    stats = [store.stats[band] for band in (3, 0)]
    mean, std = (np.array([getattr(s, name) for s in stats])[:, None, None] for name in ("mean", "std"))
    with torch.no_grad():
        expected = network(torch.from_numpy((pixels - mean) / std).float()).softmax(dim=1).numpy()
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-5)
    np.testing.assert_array_equal(result.labels, store.labels[result.indices])
    np.testing.assert_array_equal(result.indices, store.indices("test"))
    assert result.reported_split == "test"
    assert set(result.metrics) == {"val", "test"}
    assert result.metrics["test"] == from_predictions(result.labels, result.probabilities)
    assert result.metrics["val"] == reports[-1].metrics  # no average: the last epoch's own numbers
    assert result.probabilities.dtype == np.float32
    assert result.labels.dtype == np.uint8
    assert result.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("counts", "validation", "reported"),
    [
        ({"train": (9, 5, 4), "val": (3, 2, 1)}, "val", "val"),
        ({"train": (9, 5, 4), "test": (3, 2, 2)}, "test", "test"),
    ],
)
def test_a_store_may_lack_val_or_test(make_store: MakeStore, counts, validation, reported) -> None:
    reports, result = run(config(), make_store(counts))
    assert result.reported_split == reported
    assert set(result.metrics) == {reported}
    assert reports[-1].metrics.n == sum(counts[validation])


def test_equal_specs_give_bit_identical_results_whatever_the_global_state(make_store: MakeStore) -> None:
    store, found = make_store(), []
    for noise in (1, 2):
        torch.manual_seed(noise)
        np.random.seed(noise)  # noqa: NPY002 - the global state is the point
        reports = []

        def on_epoch(report: EpochReport, noise: int = noise, reports: list[EpochReport] = reports) -> None:
            torch.rand(noise)  # a caller may draw numbers between epochs
            reports.append(report)

        result = train(Trial(config=config(**FULL), seed=5), store, device=torch.device("cpu"), on_epoch=on_epoch)
        found.append(([(r.loss, r.metrics) for r in reports], result))
    (first, one), (second, two) = found
    assert first == second
    assert one.metrics == two.metrics
    assert one.probabilities.tobytes() == two.probabilities.tobytes()
    assert all(torch.equal(one.state_dict[name], two.state_dict[name]) for name in one.state_dict)


def test_seeds_differ(make_store: MakeStore) -> None:
    store = make_store()
    assert run(config(), store, seed=0)[0][0].loss != run(config(), store, seed=1)[0][0].loss


def test_arms_of_one_seed_start_from_the_same_weights_and_order(make_store: MakeStore, monkeypatch) -> None:
    store = make_store()
    plain, mixed = (
        Engine(Trial(config=config(**parts), seed=3), store, torch.device("cpu"))
        for parts in ({}, {"augment": FULL["augment"], "loss": FULL["loss"]})
    )
    states = plain.network.state_dict(), mixed.network.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    orders = []
    for engine in (plain, mixed):
        taken: list[np.ndarray] = []
        original = engine.patches["train"].take
        monkeypatch.setattr(
            engine.patches["train"],
            "take",
            lambda positions, t=taken, o=original: (t.append(positions), o(positions))[1],
        )
        engine.train_epoch(0)
        orders.append(np.concatenate(taken))
    np.testing.assert_array_equal(*orders)


@pytest.mark.slow
@pytest.mark.parametrize("augmented", [False, True])
def test_a_learnable_store_is_learned(make_store: MakeStore, augmented) -> None:
    parts = {"augment": FULL["augment"]} if augmented else {}
    store = make_store({"train": (60, 30, 20), "test": (20, 20, 20)}, signal=1.0, size=12)
    reports, result = run(config(optim={"lr": 3e-3, "epochs": 6, "batch_size": 16}, **parts), store)
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert result.metrics["test"].balanced_accuracy > 0.75  # chance is 1/3


@pytest.mark.slow
def test_ldam_drw_and_swa_learn_on_13_bands_of_uint16(make_store: MakeStore) -> None:
    bands = [f"B{k}" for k in range(1, 14)]
    store = make_store({"train": (60, 30, 12), "test": (20, 20, 20)}, signal=1.0, size=12, dtype="uint16", bands=bands)
    optim = {"kind": "adam", "lr": 3e-3, "epochs": 6, "batch_size": 16}
    parts = {key: FULL[key] for key in ("loss", "reweight", "average")}
    assert run(config(optim=optim, **parts), store)[1].metrics["test"].balanced_accuracy > 0.6


def test_the_swa_result_is_the_average_with_batch_norm_of_the_train_split(make_store: MakeStore) -> None:
    store = make_store({"train": (20, 8, 4), "val": (4, 4, 4)})
    what = config(average={"kind": "swa", "start": 0.0, "every": 0.5}, optim={"epochs": 2, "batch_size": 32})
    training = Training(Trial(config=what, seed=0), store, device=torch.device("cpu"))
    snapshots: list[dict[str, torch.Tensor]] = []
    for _ in range(2):
        training.advance()
        snapshots.append(models.cpu_state(training._engine.network))
    result = training.result()
    for name, value in result.state_dict.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            expected = np.mean([snapshot[name].numpy() for snapshot in snapshots], axis=0)
            np.testing.assert_allclose(value.numpy(), expected, rtol=1e-5, atol=1e-6)
    # One batch holds the whole train split: its statistics after the first convolution are the running ones.
    network = models.build(what.model, bands=3, classes=3, size=(16, 16))
    network.load_state_dict(result.state_dict)
    scale = Scale.of(store, (0, 1, 2), torch.device("cpu"))
    clean = scale.normalise(torch.from_numpy(store.images[store.indices("train")].astype(np.float32)))
    seen: list[torch.Tensor] = []
    norm = next(module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d))
    norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    held_out = scale.normalise(torch.from_numpy(store.images[result.indices].astype(np.float32)))
    with torch.no_grad():
        network.eval()(clean)
        expected = network(held_out).softmax(dim=1)
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(norm.running_mean, seen[0].mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(norm.running_var, seen[0].var(dim=(0, 2, 3)), rtol=1e-3)


def test_the_ema_result_is_the_average_over_all_steps(make_store: MakeStore, monkeypatch) -> None:
    """Against the recursion in float64, over the weights after each step of the optimiser."""
    store = make_store({"train": (20, 8, 4), "val": (4, 4, 4)})  # 4 steps an epoch
    what = config(average={"kind": "ema", "decay": 0.3}, optim={"epochs": 2, "batch_size": 8})
    seen: list[dict[str, np.ndarray]] = []
    original = WeightAverage.move

    def record(average: WeightAverage, network: torch.nn.Module, momentum: torch.Tensor) -> None:
        seen.append({name: each.detach().double().numpy() for name, each in network.named_parameters()})
        original(average, network, momentum)

    monkeypatch.setattr(WeightAverage, "move", record)
    engine = Engine(Trial(config=what, seed=0), store, torch.device("cpu"))
    expected = {name: each.detach().double().numpy() for name, each in engine.network.named_parameters()}
    _, result = run(what, store)
    assert len(seen) == 8
    last = run(config(optim={"epochs": 2, "batch_size": 8}), store)[1].state_dict
    for name, value in seen[-1].items():  # the last update came after the last step
        np.testing.assert_array_equal(value, last[name].double().numpy())
    for t, weights in enumerate(seen):
        decay = min(0.3, (1 + t) / (10 + t))
        expected = {name: decay * expected[name] + (1 - decay) * weights[name] for name in expected}
    for name, value in expected.items():
        np.testing.assert_allclose(result.state_dict[name].numpy(), value, rtol=1e-4, atol=1e-6)


def test_the_rate_is_stepped_by_batch(make_store: MakeStore, monkeypatch) -> None:
    from raysat.training import optimizers

    used: list[float] = []
    original = optimizers.set_learning_rate
    monkeypatch.setattr(optimizers, "set_learning_rate", lambda opt, lr: (used.append(lr.item()), original(opt, lr))[1])
    schedule = {"kind": "triangular", "base_lr": 1e-4, "max_lr": 4e-4, "step_epochs": 1.0}
    reports, _ = run(config(schedule=schedule), make_store({"train": (14, 6, 4), "val": (2, 2, 2)}))
    np.testing.assert_allclose(used, [1e-4, 2e-4, 3e-4, 4e-4, 3e-4, 2e-4])  # 24 patches in 3 batches, 2 epochs
    np.testing.assert_allclose([report.lr for report in reports], [3e-4, 2e-4])


@pytest.mark.parametrize("clip", [{}, {"clip_norm": 1.0}])
def test_an_absurd_rate_diverges_with_a_clear_record(make_store: MakeStore, clip) -> None:
    what = config(optim={"kind": "sgd", "lr": 1000.0, "weight_decay": 1000.0, "batch_size": 8, "epochs": 3, **clip})
    with pytest.raises(DivergedError, match=r"epoch 1 of 3, batch [2-6] of 6, at learning rate 1000") as found:
        run(what, make_store())
    assert "lr" in (found.value.hint or "")


def test_weights_that_break_in_the_last_step_are_noticed(make_store: MakeStore) -> None:
    what = config(optim={"kind": "sgd", "lr": 1000.0, "weight_decay": 1000.0, "batch_size": 42, "epochs": 1})
    with pytest.raises(
        DivergedError, match=r"scores on the val split are not finite after epoch 1 of 1, at learning rate 1000"
    ):
        run(what, make_store())


def test_the_loss_reported_is_the_mean_over_patches(make_store: MakeStore) -> None:
    """A network without batch norm that hardly moves: the epoch's loss is that of its initial weights."""
    store = make_store({"train": (10, 6, 3), "val": (2, 2, 2)})  # a last batch of 3 beside batches of 8
    what = config(model={"name": "test_vit"}, optim={"kind": "sgd", "lr": 1e-12, "batch_size": 8, "epochs": 1})
    reports, result = run(what, store)
    network = models.build(what.model, bands=3, classes=3, size=(16, 16))
    network.load_state_dict(result.state_dict)
    train_rows = store.indices("train")
    clean = Scale.of(store, (0, 1, 2), torch.device("cpu")).normalise(
        torch.from_numpy(store.images[train_rows]).float()
    )
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(network(clean), torch.from_numpy(store.labels[train_rows]).long())
    assert reports[0].loss == pytest.approx(expected.item(), rel=1e-4)


def test_gradients_are_clipped_to_the_norm(make_store: MakeStore) -> None:
    store = make_store({"train": (4, 2, 2), "val": (2, 2, 2)})
    states = []
    for lr in (1e-12, 1.0):  # one step each from the same weights
        optim = {"kind": "sgd", "momentum": 0.0, "lr": lr, "batch_size": 8, "epochs": 1, "clip_norm": 0.25}
        states.append(run(config(model={"name": "test_vit"}, optim=optim), store)[1].state_dict)
    moved = sum(float((states[1][name] - states[0][name]).square().sum()) for name in states[0]) ** 0.5
    assert moved == pytest.approx(0.25, rel=1e-3)


def test_what_cannot_run_is_refused_before_the_first_epoch(make_store: MakeStore) -> None:
    with pytest.raises(PlanError, match="batch_size"):
        Training(Trial(config=config(optim={"batch_size": 999}), seed=0), make_store(), device=torch.device("cpu"))


def test_dropout_differs_between_batches_but_not_between_runs(make_store: MakeStore, monkeypatch) -> None:
    original = models.build

    def with_dropout(*args, **options):
        return torch.nn.Sequential(torch.nn.Dropout(0.5), original(*args, **options))

    monkeypatch.setattr(models, "build", with_dropout)
    store = make_store()
    first, again = (run(config(), store)[1].probabilities for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_augmented_views_are_drawn_anew_each_batch(make_store: MakeStore, monkeypatch) -> None:
    drawn: list[bytes] = []
    original = augment.draw
    monkeypatch.setattr(
        augment, "draw", lambda *a, **k: (d := original(*a, **k), drawn.append(d.level[:2].tobytes()))[0]
    )
    run(config(augment=FULL["augment"]), make_store())
    assert len(set(drawn)) == len(drawn) == 12
