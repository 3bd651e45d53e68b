"""What a plan says of losses for ordered classes: where a store has no order, and where two classes need none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raysat.config.families.ordinal import Ordinal
from raysat.config.schema import Config, variants
from raysat.data.store import StoreWriter
from raysat.planning.build import make_plan
from raysat.planning.no_effect import no_effects
from raysat.planning.ordinal import order_sentences
from raysat.study.arm import Arm
from raysat.study.load import Study

KINDS = [kind for kind, member in variants("loss").items() if issubclass(member, Ordinal)]


def said(kind: str, classes: int, *, ordinal: bool) -> list[str]:
    config = Config.model_validate({"loss": {"kind": kind}})
    return list(order_sentences(config, classes=classes, ordinal=ordinal))


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_said_to_lack_an_order_where_the_store_has_none(kind: str) -> None:
    assert said(kind, 4, ordinal=True) == []
    (sentence,) = said(kind, 4, ordinal=False)
    assert sentence.endswith(
        "takes the classes as they are listed: the store does not say that this order has a meaning"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_classes_each_is_something_simpler(kind: str) -> None:
    (sentence,) = said(kind, 2, ordinal=True)
    assert said(kind, 2, ordinal=False) == [sentence]
    expected = {  # tests/training/test_ordinal.py shows that they are
        "corn": "CORN is binary cross-entropy of one score: there are two classes",
        "coral": "CORAL is binary cross-entropy of one score: there are two classes",
        "cdw_ce": "CDW-CE is plain cross-entropy: there are two classes",
        "emd2": "squared EMD is the squared error of the true class's probability: there are two classes",
        "soft_ordinal": "cross-entropy with soft ordinal labels is that with label smoothing: there are two classes",
    }
    assert sentence == expected[kind]


def test_other_losses_need_no_order() -> None:
    for kind in set(variants("loss")) - set(KINDS):
        assert said(kind, 2, ordinal=False) == said(kind, 4, ordinal=False) == []


@pytest.mark.parametrize("ordinal", [True, False])
def test_a_plan_says_it_of_the_arms(tmp_path: Path, ordinal: bool) -> None:
    names = ("none", "some", "much")
    with StoreWriter(
        tmp_path / "store", bands=("B1",), classes=names, sensor=None, source={"kind": "test"}, ordinal=ordinal
    ) as writer:
        for label in (0, 1, 1, 2, 2, 2):
            writer.add(np.full((1, 4, 4), label, dtype=np.uint8), label)
        store = writer.close()
    arms = {
        "plain": {},
        "CORN": {"loss": {"kind": "corn"}},
        "again": {"loss": {"kind": "corn"}, "optim": {"kind": "sgd"}},
    }
    named = tuple(Arm(name=name, config=Config.model_validate(parts)) for name, parts in arms.items())
    plan = make_plan(Study(name="study", arms=named, seeds=(0,), reference=None, text=""), store)
    assert [each.arms for each in no_effects(plan)] == ([] if ordinal else [("CORN", "again")])
