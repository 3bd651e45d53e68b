"""Generated patches in training: what fits, what they change, and what they never touch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from raysat.config.class_weights import class_weights
from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import BandError, PlanError
from raysat.planning.jobs import plan_trial
from raysat.planning.resolve import resolve_config
from raysat.training.check import check_generated
from raysat.training.engine import Engine
from raysat.training.loop import Training, train
from raysat.training.patches import Scale
from tests.helpers.training import MakeStore, config, run

CPU = torch.device("cpu")
DCGAN = {"kind": "dcgan"}


def made_for(make_store: MakeStore, **parts: object) -> PatchStore:
    """Twelve generated patches of the rarest class of the default store, unless ``parts`` say otherwise."""
    return make_store(**{"counts": {"train": (0, 0, 12)}, "name": "made", "generated": True, "seed": 9, **parts})


def test_only_a_marked_store_is_generated(make_store: MakeStore) -> None:
    assert made_for(make_store).generated
    assert not make_store({"train": (1, 1, 1)}, name="other").generated


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"bands": ["B6", "B5"]}, "made has bands B6, B5, the trial on .*store uses B6, B5, B2"),
        ({"bands": ["B6", "B5", "B2", "B3"]}, "made has bands B6, B5, B2, B3, the trial on .*store uses B6, B5, B2"),
        ({"size": 15}, "made has patches of 15 x 15 px, .*store has 16 x 16 px"),
        ({"dtype": "uint16"}, "made has type uint16, .*store has uint8"),
        ({"counts": {"train": (0, 0, 1, 0)}, "classes": 4}, "made has classes class0, .*, class3, .*store has class0"),
        ({"counts": {"train": (0, 0, 4), "val": (0, 0, 1)}}, "made holds val or test patches; .*store"),
        ({"generated": False}, "made is not marked as generated: .*store"),
    ],
)
def test_a_store_that_does_not_fit_is_refused_by_name(make_store: MakeStore, parts, message) -> None:
    store, made = make_store(), made_for(make_store, **parts)
    with pytest.raises(PlanError, match=message) as found:
        check_generated(config(synthetic=DCGAN), store, [made])
    assert found.value.hint


def test_bands_may_come_in_another_order(make_store: MakeStore) -> None:
    made = made_for(make_store, bands=["B2", "B6"])
    check_generated(config(synthetic=DCGAN, data={"bands": ["B6", "B2"]}), make_store(), [made])
    with pytest.raises(BandError):
        check_generated(config(synthetic=DCGAN, data={"bands": ["B6", "B9"]}), make_store(name="other"), [made])


def test_asked_for_is_given_and_given_is_asked_for(make_store: MakeStore) -> None:
    store, made = make_store(), made_for(make_store)
    for what, generated, message in (
        (config(synthetic=DCGAN), (), "synthetic.kind dcgan asks for generated patches, and none were given"),
        (config(), (made,), "made cannot be used: synthetic.kind is none"),
    ):
        with pytest.raises(PlanError, match=message) as found:
            train(Trial(config=what, seed=0), store, generated=generated, device=CPU)
        assert found.value.hint


def engine(what: Config, store: PatchStore, generated: Sequence[PatchStore] = ()) -> Engine:
    return Engine(Trial(config=what, seed=0), store, CPU, generated=generated)


def test_counts_and_what_follows_from_them_include_generated_patches(make_store: MakeStore) -> None:
    store, made = make_store(), made_for(make_store)  # 24, 12, 6 real ones
    what = config(
        synthetic=DCGAN, loss={"kind": "ldam"}, reweight={"kind": "drw", "switch": 0.0}, sampler={"kind": "square_root"}
    )
    one = engine(what, store, [made])
    np.testing.assert_array_equal(one.counts, [24, 12, 18])
    np.testing.assert_allclose(one._step._constants_RK[0], 0.5 * (12 / np.array([24, 12, 18])) ** 0.25, rtol=1e-6)
    drawn = np.concatenate([np.concatenate(one._epochs.batches(epoch)) for epoch in range(60)])
    shares = np.bincount(one.patches["train"].labels[drawn], minlength=3) / len(drawn)
    expected = np.sqrt([24, 12, 18])  # n * 1 / sqrt(n)
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.03)
    assert len(np.unique(drawn)) == 54  # the generated ones are drawn too
    assert one.steps == 7


def test_the_weights_of_the_loss_are_those_of_the_joint_counts(make_store: MakeStore, monkeypatch) -> None:
    from raysat.training import epochs as module

    counted: list[np.ndarray] = []
    monkeypatch.setattr(
        module,
        "class_weights",
        lambda member, counts, **at: (counted.append(counts), class_weights(member, counts, **at))[1],
    )
    run(config(synthetic=DCGAN, optim={"epochs": 1}), make_store(), generated=[made_for(make_store)])
    np.testing.assert_array_equal(counted, [[24, 12, 18]])


def test_class_counts_of_real_patches_are_what_methods_go_by(make_store: MakeStore, monkeypatch) -> None:
    """Generated patches count for nothing, and are drawn as often as a real one of their class."""
    from raysat.training import epochs as module

    counted: list[np.ndarray] = []
    monkeypatch.setattr(
        module,
        "class_weights",
        lambda member, counts, **at: (counted.append(counts), class_weights(member, counts, **at))[1],
    )
    store, made = make_store(), made_for(make_store)  # 24, 12, 6 real ones, and 12 of the rarest
    what = config(
        synthetic={**DCGAN, "class_counts": "real"},
        loss={"kind": "ldam"},
        reweight={"kind": "drw", "switch": 0.0},
        sampler={"kind": "inverse_frequency"},
    )
    one = engine(what, store, [made])
    np.testing.assert_allclose(one._step._constants_RK[0], 0.5 * (6 / np.array([24, 12, 6])) ** 0.25, rtol=1e-6)
    one.train_epoch(0)
    np.testing.assert_array_equal(counted, [[24, 12, 6]])
    drawn = np.concatenate([np.concatenate(one._epochs.batches(epoch)) for epoch in range(120)])
    shares = np.bincount(drawn, minlength=54) / len(drawn)
    weights = 1 / np.repeat([24, 12, 6, 6], [24, 12, 6, 12])[np.argsort(one.patches["train"].labels, kind="stable")]
    assert np.array_equal(np.sort(one.patches["train"].labels), one.patches["train"].labels)
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.008)
    assert one.steps == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "epochs"),
    [
        ({"loss": {"kind": "ldam"}}, -1),
        ({"reweight": {"kind": "drw", "switch": 0.5}}, 1),
        ({"sampler": {"kind": "drs", "switch": 0.5}}, 1),
        ({}, 2),
    ],
)
def test_trials_of_both_class_counts_share_what_does_not_go_by_them(make_store: MakeStore, part, epochs: int) -> None:
    """Names of states say how many epochs are shared; weights are equal just as long."""
    store, made = make_store(), made_for(make_store)
    both = [config(synthetic={**DCGAN, "class_counts": counts}, **part) for counts in ("all", "real")]
    jobs = [plan_trial(Trial(config=resolve_config(each, store), seed=0), store, arm="a") for each in both]
    assert jobs[0].id != jobs[1].id
    assert jobs[0].needs == jobs[1].needs
    assert sum(one == other for one, other in zip(jobs[0].states, jobs[1].states, strict=True)) == epochs + 1
    first, second = (Training(Trial(config=each, seed=0), store, generated=[made]) for each in both)
    for epoch in (1, 2):
        first.advance()
        second.advance()
        weights = zip(first.state().network.values(), second.state().network.values(), strict=True)
        assert all(torch.equal(one, other) for one, other in weights) == (epoch <= epochs)


def test_units_and_held_out_patches_stay_those_of_the_real_store(make_store: MakeStore) -> None:
    store, made = make_store(), made_for(make_store)
    joint, alone = engine(config(synthetic=DCGAN), store, [made]), engine(config(), store)
    for name in ("mean", "std", "low", "span"):
        assert torch.equal(getattr(joint._scale, name), getattr(Scale.of(store, (0, 1, 2), CPU), name))
    for split in ("val", "test"):
        everything = np.arange(18)
        assert len(joint.patches[split]) == 18
        assert torch.equal(joint.patches[split].take(everything), alone.patches[split].take(everything))
    np.testing.assert_array_equal(joint.predict(joint.network, "val"), alone.predict(alone.network, "val"))


def test_training_on_generated_patches_is_training_on_them_as_if_real(make_store: MakeStore, tmp_path) -> None:
    """A store written with the same patches in its train split gives the same weights, if its units are the same."""
    store, made = make_store(), [made_for(make_store), made_for(make_store, name="more", counts={"train": (0, 5, 0)})]
    with StoreWriter(tmp_path / "joint", bands=store.bands, classes=store.classes, sensor=None, source={}) as writer:
        for each in (store, *made):
            for image, label, split in zip(each.images, each.labels, each.splits, strict=True):
                writer.add(image, label, ("train", "val", "test")[split])
        joint = dataclasses.replace(writer.close(), stats=store.stats)
    parts = {"loss": {"kind": "ldam"}, "average": {"kind": "ema"}}
    reports, outcome = run(config(synthetic=DCGAN, **parts), store, generated=made)
    others, expected = run(config(**parts), joint)
    assert [each.loss for each in reports] == [each.loss for each in others]
    assert all(torch.equal(outcome.state_dict[name], expected.state_dict[name]) for name in expected.state_dict)
    assert [each.samples_seen for each in reports] == [59, 118]
    np.testing.assert_array_equal(outcome.indices, store.indices("test"))
