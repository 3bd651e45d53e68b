"""Second stages: what they train and leave alone, where they fork, how they go on, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from raysat.config.schema import Config, Trial
from raysat.config.stages import final_config, stage_at, stages
from raysat.data.model_inputs import ModelInputs
from raysat.data.store import PatchStore
from raysat.errors import DivergedError, TrainingError
from raysat.inference.classifier import Classifier
from raysat.planning.jobs import PlannedTrial, plan_trial
from raysat.planning.resolve import resolve_config
from raysat.planning.stages import train_jobs
from raysat.training.check import check
from raysat.training.checkpoint import decode
from raysat.training.label_aware import smoothing_by_class
from raysat.training.loop import Training
from raysat.training.models.classifiers import ScaledClassifier
from tests.helpers.training import MakeStore, config, run
from tests.training.test_sharing import alone, assert_equal, jobs_of, trained

pytestmark = pytest.mark.slow

KINDS = ("crt", "lws", "mislas")
OPTIM = {"kind": "adam", "epochs": 2, "batch_size": 8}
HEAD = ("fc.weight", "fc.bias")


def second(kind: str, **settings: Any) -> dict[str, Any]:
    return {"second_stage": {"kind": kind, "epochs": 2, **settings}}


@pytest.fixture(name="store")
def _store(make_store: MakeStore) -> PatchStore:
    return make_store()


# --- what trains


@pytest.mark.parametrize("kind", KINDS)
def test_the_classifier_alone_changes(store: PatchStore, kind: str) -> None:
    _, before = run(config(optim=OPTIM), store)
    _, after = run(config(optim=OPTIM, **second(kind)), store)
    assert before.state_dict.keys() == after.state_dict.keys()
    assert before.parameters == after.parameters
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    changed = {name for name, value in before.state_dict.items() if not torch.equal(value, after.state_dict[name])}
    shifted = {name for name in before.state_dict if name.endswith(statistics)} if kind == "mislas" else set()
    assert changed == {*HEAD, *shifted}


def test_without_a_shift_batch_norm_stays(store: PatchStore) -> None:
    _, before = run(config(optim=OPTIM), store)
    _, after = run(config(optim=OPTIM, **second("mislas", shift_bn=False)), store)
    changed = {name for name, value in before.state_dict.items() if not torch.equal(value, after.state_dict[name])}
    assert changed == set(HEAD)


def test_frozen_layers_keep_their_statistics(store: PatchStore) -> None:
    parts = {"model": {"trains": "head"}, "optim": OPTIM}
    before, after = (run(config(**parts, **more), store)[1].state_dict for more in ({}, second("mislas")))
    kept = [name for name in before if not name.startswith("fc.")]
    assert any("running" in name for name in kept)
    assert all(torch.equal(before[name], after[name]) for name in kept)


def test_factors_keep_the_directions_of_weights(store: PatchStore) -> None:
    before, after = (run(config(optim=OPTIM, **part), store)[1].state_dict for part in ({}, second("lws", lr=1.0)))
    factors = (after["fc.weight"] / before["fc.weight"]).mean(dim=1)
    assert not torch.allclose(factors, torch.ones(3), atol=1e-3)
    torch.testing.assert_close(after["fc.weight"], before["fc.weight"] * factors[:, None])
    torch.testing.assert_close(after["fc.bias"], before["fc.bias"] * factors)


def test_weights_with_a_factor_of_rate_0_keep_their_directions(store: PatchStore) -> None:
    before, after = (
        run(config(optim=OPTIM, **part), store)[1].state_dict for part in ({}, second("mislas", lr_factor=0.0))
    )
    factors = (after["fc.weight"] / before["fc.weight"]).mean(dim=1)
    torch.testing.assert_close(after["fc.weight"], before["fc.weight"] * factors[:, None])


@pytest.mark.parametrize("bias", [True, False])
def test_a_folded_classifier_has_the_same_scores_to_the_bit(bias: bool) -> None:
    torch.manual_seed(0)
    linear, features = nn.Linear(20, 5, bias=bias), torch.randn(9, 20)
    scaled = ScaledClassifier(linear, score_factor=3.0, trains_weights=True)
    torch.testing.assert_close(scaled(features), 3 * linear(features))
    scaled.factors_K.data.uniform_(0.5, 2)
    assert torch.equal(scaled.folded()(features), scaled(features))
    torch.testing.assert_close(scaled(features), 3 * linear(features) * scaled.factors_K)
    assert scaled.folded().requires_grad_().weight.requires_grad


def test_no_other_layer_is_in_training_mode(store: PatchStore) -> None:
    for kind, shifts in (("crt", False), ("lws", False), ("mislas", True)):
        training = Training(Trial(config=config(optim=OPTIM, **second(kind)), seed=0), store)
        engine = training._engine
        engine.enter(2)
        engine._trained.train_mode()
        for module in engine.network.modules():
            if isinstance(module, _BatchNorm):
                assert module.training == shifts
            elif not [*module.children()] and not isinstance(module, nn.Linear | ScaledClassifier):
                assert not module.training
        trains = [name for name, value in engine.network.named_parameters() if value.requires_grad]
        assert (
            trains
            == {
                "crt": [*HEAD],
                "lws": ["fc.factors_K"],
                "mislas": [*HEAD, "fc.factors_K"],
            }[kind]
        )


def test_a_new_classifier_is_of_the_seed_alone(store: PatchStore) -> None:
    def start(loss: str, seed: int) -> torch.Tensor:
        training = Training(Trial(config=config(loss={"kind": loss}, **second("crt")), seed=seed), store)
        training._engine.enter(2)
        return training._engine.network.get_parameter("fc.weight").detach()

    assert torch.equal(start("cross_entropy", 1), start("focal", 1))
    assert not torch.equal(start("cross_entropy", 1), start("cross_entropy", 2))


def test_images_and_epochs_are_those_of_both_stages(store: PatchStore) -> None:
    reports, outcome = run(config(optim=OPTIM, augment={"kind": "augmix"}, **second("crt")), store)
    assert [(report.epoch, report.epochs) for report in reports] == [(n, 4) for n in range(1, 5)]
    assert [report.samples_seen for report in reports] == [42 * 3 * n for n in range(1, 5)]
    assert outcome.samples_seen == 42 * 3 * 4
    assert [report.lr for report in reports[:2]] == [1e-3, 1e-3]
    assert reports[2].lr > reports[3].lr > 0


@pytest.mark.parametrize(
    "parts",
    [
        {"model": {"classifier": "cosine"}, "loss": {"kind": "ldam"}},
        {"model": {"stem": "adapter"}},
        {"model": {"name": "test_vit"}},
        {"model": {"name": "test_efficientnet"}, "augment": {"kind": "mixup"}},
        {"loss": {"kind": "logit_adjustment"}, "reweight": {"kind": "drw", "switch": 0.5}},
    ],
    ids=str,
)
def test_a_saved_model_says_what_its_training_said(store: PatchStore, parts: dict[str, Any]) -> None:
    """Beside other classifiers, stems and losses: probabilities are those of the second stage's loss."""
    for kind in ("crt",) if parts.get("model", {}).get("classifier") else KINDS:
        what = config(optim=OPTIM, **parts, **second(kind))
        check(what, store)
        _, outcome = run(what, store)
        inputs, cpu = ModelInputs.of(store, store.bands), torch.device("cpu")
        restored = Classifier.restore(what, inputs, store.classes, outcome.state_dict, cpu)
        found = restored.probabilities(store.images[outcome.indices])
        np.testing.assert_allclose(found, outcome.probabilities, atol=1e-6)


# --- stages in a plan


ARMS: list[dict[str, Any]] = [
    {},
    second("crt"),
    second("crt", lr=0.03),
    second("lws", epochs=3),
    second("mislas"),
    {"reweight": {"kind": "drw", "switch": 0.5}, **second("crt")},
    {"average": {"kind": "swa", "start": 0.5, "every": 0.5}},
    {"average": {"kind": "ema", "decay": 0.8}},
    {"optim": {**OPTIM, "epochs": 3}},
]


@pytest.mark.parametrize("breaks", [set(), {1, 2, 3, 4}])
def test_a_fork_equals_the_same_trial_alone(store: PatchStore, breaks: set[int]) -> None:
    """Through saved states, also within the second stage; averages of other arms end before it."""
    jobs = jobs_of([{"optim": OPTIM} | arm for arm in ARMS], store)
    found = train_jobs(jobs)
    results = trained(found, store, lambda epoch: epoch in breaks)
    for job in jobs:
        assert_equal(results[job.id], alone(job, store))
    assert {chain.start_epoch for chain in found} == {0, 1, 2}


def test_a_second_stage_begins_at_the_last_state_of_the_arm_without_it(store: PatchStore) -> None:
    plain, crt, slower, lws, mislas, *_ = jobs_of([{"optim": OPTIM} | arm for arm in ARMS], store)
    for job in (crt, slower, lws, mislas):
        assert job.states[:3] == plain.states
    assert [job.epochs for job in (plain, crt, slower, lws, mislas)] == [2, 4, 4, 5, 4]
    assert len({job.states[3] for job in (crt, slower, lws, mislas)}) == 4
    assert crt.samples_seen == 4 * 42
    found = train_jobs([plain, crt, slower, lws, mislas])
    assert sum(job.samples_seen for job in found) == (2 + 2 + 2 + 3 + 2) * 42


def test_states_go_by_all_that_decides_them(store: PatchStore) -> None:
    arms = [second("mislas", **own) for own in ({}, {"head": 0.2}, {"shift_bn": False}, {"weight_decay": 0.0})]
    jobs = jobs_of([{"optim": OPTIM} | arm for arm in arms], store)
    assert len({job.states[3] for job in jobs}) == len({job.id for job in jobs}) == 4
    assert len({job.states[2] for job in jobs}) == 1
    counted = [
        config(optim=OPTIM, synthetic={"kind": "dcgan", "classes": (2,), "class_counts": each}, **second("crt"))
        for each in ("all", "real")
    ]
    real, every = (planned(each, store) for each in counted)
    assert real.states[2] == every.states[2]
    assert real.states[3] != every.states[3]


def planned(what: Config, store: PatchStore) -> PlannedTrial:
    return plan_trial(Trial(config=resolve_config(what, store), seed=1), store, arm="arm")


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_of_another_stage_is_refused(store: PatchStore, kind: str) -> None:
    training = Training(Trial(config=config(optim=OPTIM, **second(kind)), seed=0), store)
    states = []
    for _ in range(3):
        training.advance()
        states.append(training.state().encode())
    with pytest.raises(TrainingError, match="a stage that is over"):
        training.restore(decode(states[0]))
    plain = Training(Trial(config=config(optim={**OPTIM, "epochs": 4}), seed=0), store)
    with pytest.raises(TrainingError, match="does not fit"):
        plain.restore(decode(states[2]))
    again = Training(Trial(config=config(optim=OPTIM, **second(kind)), seed=0), store)
    again.restore(decode(states[2]))
    assert again.epoch == 3
    assert_equal(again.result(), training.result())
    third = decode(states[2])
    with pytest.raises(TrainingError, match="does not fit"):
        Training(Trial(config=config(optim=OPTIM, **second(kind, weight_decay=0.1)), seed=0), store).restore(third)


def test_divergence_says_what_to_lower(store: PatchStore) -> None:
    what = config(optim=OPTIM, **second("crt", lr=1000.0, weight_decay=1000.0, epochs=5))
    with pytest.raises(DivergedError, match=r"(in|after) epoch [3-7] of 7") as found:
        run(what, store)
    assert "second_stage.lr" in str(found.value.hint)


# --- what is configured


def test_stages_of_a_configuration() -> None:
    what = config(
        optim={**OPTIM, "clip_norm": 1.0},
        loss={"kind": "ldam"},
        augment={"kind": "mixup"},
        reweight={"kind": "drw"},
        **second("crt", lr=0.3),
    )
    first, last = stages(what)
    assert (first.first_epoch, last.first_epoch) == (0, 2)
    assert first.config.second_stage.kind == last.config.second_stage.kind == "none"
    assert first.config == what.model_copy(update={"second_stage": first.config.second_stage})
    assert (last.config.data, last.config.model, last.config.augment) == (what.data, what.model, what.augment)
    optim = last.config.optim
    assert (optim.kind, optim.lr, optim.epochs, optim.batch_size, optim.clip_norm) == ("sgd", 0.3, 2, 8, None)
    kinds = [getattr(last.config, each).kind for each in ("loss", "reweight", "sampler", "schedule", "average")]
    assert kinds == ["cross_entropy", "none", "inverse_frequency", "cosine", "none"]
    assert [stage_at((first, last), epoch).first_epoch for epoch in range(4)] == [0, 0, 2, 2]
    assert final_config(what) == last.config
    assert stages(last.config) == (replace(last, first_epoch=0),)
    assert Config.model_validate(last.config.model_dump()) == last.config


def test_classes_of_one_size_are_all_the_largest() -> None:
    assert smoothing_by_class(np.array([5, 5, 5]), head=0.3, tail=0.1).tolist() == [0.3] * 3
