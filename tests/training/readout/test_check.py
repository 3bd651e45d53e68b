"""Readouts that cannot be fitted are refused before training."""

from __future__ import annotations

from typing import Any

import pytest

from raysat.errors import PlanError
from raysat.training.check import check
from raysat.training.models.last_layer import check_last_layer
from tests.helpers.training import MakeStore, config

ON_VAL = [{"kind": "thresholds"}, {"kind": "tau_norm"}, {"kind": "logit_adjustment", "tau": None}]
NOT_ON_VAL = [
    {"kind": "tau_norm", "tau": 0.5},
    {"kind": "logit_adjustment"},
    {"kind": "nearest_mean"},
    {"kind": "prior"},
    {"kind": "dihedral"},
]


@pytest.mark.parametrize("readout", [*ON_VAL, {"kind": "temperature"}], ids=lambda each: each["kind"])
def test_what_is_chosen_on_val_needs_val(make_store: MakeStore, readout: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match=r"is chosen on val, of which .* has no patches") as found:
        check(config(readout=readout), make_store({"train": (9, 6, 3), "test": (4, 3, 2)}))
    assert ("readout.tau" in str(found.value.hint)) == ("tau" in str(readout["kind"]) or "tau" in readout)


@pytest.mark.parametrize("readout", ON_VAL, ids=lambda each: each["kind"])
def test_balanced_accuracy_on_val_needs_every_class(make_store: MakeStore, readout: dict[str, Any]) -> None:
    store = make_store({"train": (9, 6, 3), "val": (4, 0, 2), "test": (4, 3, 2)})
    with pytest.raises(PlanError, match="no val patch of class 'class1'"):
        check(config(readout=readout), store)
    check(config(readout={"kind": "temperature"}), store)


@pytest.mark.parametrize("readout", NOT_ON_VAL, ids=lambda each: each["kind"])
def test_others_do_without_val(make_store: MakeStore, readout: dict[str, Any]) -> None:
    check(config(readout=readout), make_store({"train": (9, 6, 3), "test": (4, 3, 2)}))


@pytest.mark.parametrize("kind", ["tau_norm", "nearest_mean"])
def test_a_cosine_classifier_has_no_lengths_to_change(make_store: MakeStore, kind: str) -> None:
    parts = {"readout": {"kind": kind}, "model": {"classifier": "cosine"}}
    with pytest.raises(PlanError, match=r"needs model.classifier: linear, which is cosine"):
        check(config(**parts), make_store())


def test_shares_are_one_for_each_class(make_store: MakeStore) -> None:
    with pytest.raises(PlanError, match=r"has 2 shares, .* has 3 classes"):
        check(config(readout={"kind": "prior", "shares": [0.5, 0.5]}), make_store())
    with pytest.raises(ValueError, match=r"shares add up to 0.9, not to 1"):
        config(readout={"kind": "prior", "shares": [0.5, 0.4]})


@pytest.mark.parametrize("name", ["dla34", "levit_128s"])  # a convolution, and several classifiers
def test_models_are_asked_for_a_linear_classifier(name: str) -> None:
    check_last_layer(config(readout={"kind": "tau_norm"}))
    with pytest.raises(PlanError, match="readout: tau_norm needs a model that ends with a linear classifier"):
        check_last_layer(config(model={"name": name}, readout={"kind": "tau_norm"}))


@pytest.mark.parametrize(
    ("shares", "message"),
    [({"a": 0.5}, "a list of a share for each class"), ("even", "must be balanced"), ([50, 20, 30], "no percentages")],
)
def test_shares_are_asked_for_in_words(shares: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(readout={"kind": "prior", "shares": shares})
