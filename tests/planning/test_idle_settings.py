"""Settings that cannot act: what is said of them holds of the numbers that training uses, and of no others."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.config.class_weights import class_balanced
from raysat.config.learning_rate import learning_rate
from raysat.config.schema import Config, variants
from raysat.planning.idle_settings import idle_settings, overruled_settings


def said(parts: dict[str, Any], *, epochs: int = 40, steps: int = 10) -> list[str]:
    optim = {"kind": "adam", "epochs": epochs} | parts.get("optim", {})
    return [idle.sentence for idle in idle_settings(Config.model_validate(parts | {"optim": optim}), steps)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, None),
        ({"reweight": {"kind": "drw"}, "sampler": {"kind": "drs"}, "average": {"kind": "swa"}}, None),
        ({"schedule": {"kind": "cosine"}, "loss": {"kind": "focal"}}, None),
        ({"schedule": {"kind": "triangular2"}}, None),
        ({"average": {"kind": "ema", "decay": 0.97}}, None),
        ({"loss": {"kind": "focal", "gamma": 0.0}}, "focal loss is plain cross-entropy: loss.gamma is 0"),
        ({"loss": {"kind": "asymmetric"}}, None),
        (
            {"loss": {"kind": "asymmetric", "label_smoothing": 0.0}},
            "asymmetric loss is plain cross-entropy: loss.gamma_pos and loss.label_smoothing are 0",
        ),
        (
            {"loss": {"kind": "asymmetric", "gamma_pos": 1.5, "label_smoothing": 0.0}},
            "asymmetric loss is focal loss with gamma 1.5: loss.label_smoothing is 0",
        ),
        (
            {"loss": {"kind": "asymmetric", "gamma_neg": 0.0}},
            "asymmetric loss is cross-entropy with label_smoothing 0.1: loss.gamma_pos and loss.gamma_neg are 0",
        ),
        (
            {"loss": {"kind": "vector_scaling", "gamma": 0.0}},
            "vector scaling is logit adjustment with tau 1: loss.gamma is 0",
        ),
        (
            {"model": {"trains": "head"}, "second_stage": {"kind": "crt"}},
            "optim.epochs do nothing: model.trains is head, and cRT trains a new classifier on the same features",
        ),
        ({"augment": {"kind": "cutmix"}}, None),
        ({"augment": {"kind": "cutmix", "probability": 0.0}}, "CutMix does nothing: augment.probability is 0"),
        (
            {"augment": {"kind": "band_dropout", "probability": 0.0, "flips": True}},
            "band dropout does nothing, but for flips: augment.probability is 0",
        ),
        ({"augment": {"kind": "spectral_jitter", "gain": 0.0, "offset": 0.0}}, None),
        (
            {"augment": {"kind": "spectral_jitter", "gain": 0.0, "offset": 0.0, "noise": 0.0}},
            "spectral jitter does nothing: augment.gain, offset and noise are 0",
        ),
        (
            {"average": {"kind": "ema"}},
            "average.decay 0.999 is not reached in 400 steps: any from 0.978 on does the same",
        ),
        (
            {"schedule": {"kind": "cosine", "final_lr": 0.5}, "optim": {"lr": 0.5}},
            "the cosine is a constant rate: schedule.final_lr is optim.lr, 0.5",
        ),
        (
            {"schedule": {"kind": "exp_range", "base_lr": 1e-4}},
            "exp_range is a constant rate: schedule.base_lr is schedule.max_lr, 0.0001",
        ),
        (
            {"schedule": {"kind": "triangular2", "step_epochs": 20.0}},
            "triangular2 is triangular: 40 epochs are within its first cycle of 2 x 20",
        ),
    ],
)
def test_what_is_said(parts: dict[str, Any], expected: str | None) -> None:
    assert said(parts) == ([] if expected is None else [expected])


@given(epochs=st.integers(1, 12), half=st.sampled_from([0.5, 1.0, 2.0, 3.5, 6.0]), steps=st.integers(1, 5))
def test_triangular2_is_said_to_be_triangular_only_where_its_rates_are(epochs: int, half: float, steps: int) -> None:
    rates = {}
    for kind in ("triangular", "triangular2"):
        parts = {"schedule": {"kind": kind, "step_epochs": half}, "optim": {"kind": "adam", "epochs": epochs}}
        config = Config.model_validate(parts)
        rates[kind] = [
            learning_rate(config.schedule, config.optim, step=step, steps_per_epoch=steps)
            for step in range(epochs * steps)
        ]
    if said({"schedule": {"kind": "triangular2", "step_epochs": half}}, epochs=epochs, steps=steps):
        assert rates["triangular"] == rates["triangular2"]


@given(steps=st.integers(1, 400), decay=st.sampled_from([0.5, 0.9, 0.97, 0.999]))
def test_a_decay_is_said_not_to_be_reached_where_no_step_uses_it(steps: int, decay: float) -> None:
    used = [min(decay, (1 + t) / (10 + t)) for t in range(steps)]
    sentences = said({"average": {"kind": "ema", "decay": decay}}, epochs=1, steps=steps)
    assert bool(sentences) == (used == [(1 + t) / (10 + t) for t in range(steps)])


GAN = {"kind": "dcgan"}


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ({}, []),
        ({"schedule": {"kind": "cosine"}, "augment": {"kind": "augmix"}, "reweight": {"kind": "drw"}}, []),
        ({"schedule": {"kind": "one_cycle"}}, ["optim.lr"]),
        ({"augment": {"kind": "augmix", "jsd": False}}, ["augment.jsd_weight"]),
        ({"loss": {"kind": "logit_adjustment", "tau": 0.0}}, ["loss.kind"]),
        ({"loss": {"kind": "logit_adjustment"}}, []),
        ({"augment": {"kind": "remix", "tau": 0.0}}, ["augment.kind"]),
        ({"synthetic": GAN, "augment": {"kind": "remix"}}, ["synthetic.patches", "augment.kind"]),
        ({"synthetic": GAN | {"class_counts": "real"}, "augment": {"kind": "remix"}}, ["synthetic.patches"]),
        ({"reweight": {"kind": "drw", "beta": 0.0}, "sampler": {"kind": "drs"}}, ["reweight.kind"]),
        ({"sampler": {"kind": "effective_number", "beta": 0.0}}, ["sampler.kind"]),
        ({"synthetic": GAN}, ["synthetic.patches", "synthetic.class_counts"]),
        ({"synthetic": GAN, "loss": {"kind": "ldam"}}, ["synthetic.patches", "loss.kind"]),
        ({"synthetic": GAN | {"class_counts": "real"}, "loss": {"kind": "ldam"}}, ["synthetic.patches"]),
        ({"synthetic": GAN | {"classes": [1]}, "loss": {"kind": "ldam"}}, ["synthetic.patches"]),
        ({"synthetic": GAN | {"equalise": False, "patches": 9}, "sampler": {"kind": "drs"}}, []),
    ],
)
def test_what_another_setting_overrules(parts: dict[str, Any], keys: list[str]) -> None:
    assert [idle.key for idle in overruled_settings(Config.model_validate(parts))] == keys


@pytest.mark.parametrize("kind", variants("schedule"))
def test_a_rate_is_said_to_be_overruled_only_where_it_is(kind: str) -> None:
    rates = []
    for lr in (1e-3, 2e-3):
        config = Config.model_validate({"schedule": {"kind": kind}, "optim": {"kind": "adam", "lr": lr}})
        rates.append([learning_rate(config.schedule, config.optim, step=step, steps_per_epoch=2) for step in range(80)])
    assert (rates[0] == rates[1]) == ("optim.lr" in [idle.key for idle in overruled_settings(config)])


@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_weights_are_said_to_be_equal_only_where_they_are(beta: float) -> None:
    weights = class_balanced(np.array([5, 50]), beta)
    config = Config.model_validate({"reweight": {"kind": "effective_number", "beta": beta}})
    assert (weights[0] == weights[1]) == bool(list(overruled_settings(config)))
