"""Every member of every family trains two epochs on a tiny store, and twice the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from raysat.config.schema import variants
from raysat.data.store import PatchStore
from tests.helpers.training import MakeStore, config, run

pytestmark = pytest.mark.slow

SECTIONS = (
    "optim",
    "loss",
    "reweight",
    "sampler",
    "schedule",
    "average",
    "augment",
    "sharpness",
    "second_stage",
    "readout",
)
# What two epochs need, where a member's defaults are made for forty.
SHORT: dict[str, dict[str, Any]] = {
    "optim.sgd": {"lr": 0.01},
    "reweight.drw": {"switch": 0.5},
    "reweight.influence_balanced": {"alpha": 10.0},
    "sampler.drs": {"switch": 0.5},
    "schedule.triangular": {"step_epochs": 1.0},
    "schedule.triangular2": {"step_epochs": 0.5},
    "schedule.exp_range": {"step_epochs": 1.0},
    "average.swa": {"start": 0.5, "every": 0.5},
    **{f"second_stage.{kind}": {"epochs": 1} for kind in ("crt", "lws", "mislas")},
}
CASES: dict[str, dict[str, Any]] = {
    f"{section}.{kind}": {section: {"kind": kind, **SHORT.get(f"{section}.{kind}", {})}}
    for section in SECTIONS
    for kind in variants(section)
}
CASES |= {
    f"cosine classifier, {kind}": {"model": {"classifier": "cosine"}, "loss": {"kind": kind}}
    for kind in variants("loss")
    if kind != "coral"  # refused: tests/training/test_check.py
}
CASES |= {
    "second_stage.crt, cosine, ldam, augmix": {
        "model": {"classifier": "cosine"},
        "loss": {"kind": "ldam"},
        "augment": {"kind": "augmix"},
        "second_stage": {"kind": "crt", "epochs": 1},
    },
    "second_stage.mislas, mixup": {"augment": {"kind": "mixup"}, "second_stage": {"kind": "mislas", "epochs": 1}},
    "schedule.constant, warm-up": {"schedule": {"kind": "constant", "warmup": 0.5}},
    "loss.cross_entropy, smoothed": {"loss": {"kind": "cross_entropy", "label_smoothing": 0.1}},
    "loss.soft_ordinal, absolute": {"loss": {"kind": "soft_ordinal", "distance": "absolute"}},
    **{
        f"loss.{kind}, drw, mixup, ema": {
            "loss": {"kind": kind},
            "reweight": {"kind": "drw", "switch": 0.5},
            "augment": {"kind": "mixup"},
            "average": {"kind": "ema"},
        }
        for kind in ("corn", "coral", "soft_ordinal")
    },
    **{f"loss.{kind}, augmix": {"loss": {"kind": kind}, "augment": {"kind": "augmix"}} for kind in ("corn", "coral")},
    "loss.corn, adapter": {"loss": {"kind": "corn"}, "model": {"stem": "adapter"}},
    "augment.augmix, one view": {"augment": {"kind": "augmix", "jsd": False}},
    "sam, augmix, ema, clipped": {
        "sharpness": {"kind": "sam"},
        "augment": {"kind": "augmix"},
        "average": {"kind": "ema"},
        "optim": {"kind": "sgd", "lr": 0.01, "weight_decay": 0.01, "clip_norm": 1.0},
    },
    "influence, cosine adapter, mixup": {
        "model": {"classifier": "cosine", "stem": "adapter"},
        "reweight": {"kind": "influence_balanced", "alpha": 10.0},
        "augment": {"kind": "mixup"},
    },
    "imbsam, mixup, drw": {
        "sharpness": {"kind": "imbsam"},
        "augment": {"kind": "mixup"},
        "reweight": {"kind": "drw", "switch": 0.5},
        "optim": {"kind": "adamw"},
    },
    **{
        f"augment.{kind}, flips": {"augment": {"kind": kind, "flips": True}}
        for kind, member in variants("augment").items()
        if "flips" in member.model_fields
    },
    "linear probe, ema": {"model": {"trains": "head"}, "average": {"kind": "ema"}},
    "last stage, layer-wise rates, swa": {
        "model": {"trains": 1, "layer_decay": 0.7},
        "average": {"kind": "swa", "start": 0.5, "every": 0.5},
    },
    "cosine classifier, ldam, drw, mixup, ema": {
        "model": {"classifier": "cosine"},
        "loss": {"kind": "ldam"},
        "reweight": {"kind": "drw", "switch": 0.5},
        "augment": {"kind": "mixup"},
        "average": {"kind": "ema"},
    },
}
COUNTS = {"train": (12, 6, 3), "val": (4, 3, 2)}


def test_no_member_is_left_out() -> None:
    """A new section, or a new kind that this file would not meet, is noticed here."""
    fields = type(config()).model_fields
    assert set(fields) == {"data", "model", "synthetic", *SECTIONS}
    assert set(variants("synthetic")) == {"none", "dcgan", "flow"}


def check_twice(store: PatchStore, parts: dict[str, Any], generated: list[PatchStore]) -> None:
    torch.manual_seed(1)
    reports, outcome = run(config(**parts), store, generated=generated)
    torch.manual_seed(2)  # the global state changes nothing
    others, again = run(config(**parts), store, generated=generated)
    assert [report.epoch for report in reports] == list(range(1, config(**parts).epochs + 1))
    assert all(np.isfinite(report.loss) for report in reports)
    assert np.isfinite(outcome.probabilities).all()
    np.testing.assert_allclose(outcome.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert [(each.loss, each.lr, each.metrics) for each in reports] == [
        (each.loss, each.lr, each.metrics) for each in others
    ]
    assert outcome.metrics == again.metrics
    assert outcome.probabilities.tobytes() == again.probabilities.tobytes()
    assert outcome.state_dict.keys() == again.state_dict.keys()
    assert all(torch.equal(value, again.state_dict[name]) for name, value in outcome.state_dict.items())


@pytest.mark.parametrize("case", CASES)
def test_a_member_trains_and_twice_the_same(make_store: MakeStore, case: str) -> None:
    check_twice(make_store(COUNTS), CASES[case], [])


def test_generated_patches_train_and_twice_the_same(make_store: MakeStore) -> None:
    made = make_store({"train": (0, 3, 6)}, name="made", seed=5, generated=True)
    check_twice(make_store(COUNTS), {"synthetic": {"kind": "dcgan"}, "sampler": {"kind": "inverse_frequency"}}, [made])
    reports, outcome = run(config(synthetic={"kind": "dcgan"}), make_store(COUNTS, name="again"), generated=[made])
    assert [report.samples_seen for report in reports] == [30, 60]
    assert len(outcome.labels) == 9
