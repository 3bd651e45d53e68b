"""Every method beside a reference that raysat's authors did not write, or wrote apart from it."""

from __future__ import annotations

import pytest

from raysat.config.schema import Config, Model, variants
from tests.references.registry import Comparison
from tests.references.table import comparisons

# Members that there is nothing to compare of, each with why.
NOTHING_TO_COMPARE = {
    "augment.none": "patches as they are",
    "average.none": "weights as they are",
    "data": "which bands: a choice of columns, tested in tests/data",
    "model": "timm's own networks",
    "readout.none": "the softmax of the loss",
    "reweight.none": "ones",
    "second_stage.none": "no stage",
    "sharpness.none": "the gradient as it is",
    "synthetic.dcgan": "random networks: tests/generation measures what they make",
    "synthetic.none": "no patches",
}
MEMBERS = {f"{section}.{kind}" if kind else section for section in Config.model_fields for kind in variants(section)}
SETTINGS = {f"model.{name}" for name in Model.model_fields}  # of a section without members: each a method


@pytest.mark.slow
@pytest.mark.parametrize("comparison", comparisons(), ids=lambda each: f"{each.member}, {each.reference}")
def test_a_method_agrees_with_its_reference(comparison: Comparison) -> None:
    assert comparison.largest_difference() <= comparison.within


def test_every_member_of_every_section_has_a_reference() -> None:
    compared = {comparison.member for comparison in comparisons()} - SETTINGS
    assert compared | set(NOTHING_TO_COMPARE) == MEMBERS
    assert not compared & set(NOTHING_TO_COMPARE)
