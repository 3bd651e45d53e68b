"""What is refused before a generator is trained."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from raysat.config.schema import Generation
from raysat.errors import PlanError
from raysat.generation.check import MIN_PATCHES, check_generation
from raysat.generation.generate import generate
from tests.helpers.generation import work
from tests.helpers.training import MakeStore


def test_a_class_with_too_few_patches_is_refused_at_once(make_store: MakeStore) -> None:
    store = make_store(counts={"train": (24, MIN_PATCHES, MIN_PATCHES - 1), "val": (2, 2, 9), "test": (2, 2, 9)})
    check_generation(work(1), store)
    with pytest.raises(PlanError, match=rf"class 'class2' .* has 7 train patches; .* at least {MIN_PATCHES}") as caught:
        generate(work(2), store)
    assert caught.value.hint
    none = make_store(counts={"train": (24, 0), "val": (0, 9), "test": (2, 2)}, classes=2, name="none")
    with pytest.raises(PlanError, match=r"class 'class1' .* has no train patch; "):
        check_generation(work(1), none)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (work(3), "class 3, but .* has 3 classes"),
        (work(bands=("B5", "B7")), "band 'B7', which is not in "),
        (work(bands=("B5", "B5")), "one twice"),
    ],
)
def test_what_is_not_in_the_store_is_refused(make_store: MakeStore, what: Generation, said: str) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        check_generation(what, make_store())
    assert caught.value.hint


def test_patches_too_small_for_the_networks_are_refused(make_store: MakeStore) -> None:
    with pytest.raises(PlanError, match=re.escape("15 x 15 pixels; a generator needs at least 16")):
        check_generation(work(), make_store(size=15))


def test_checking_needs_no_torch() -> None:
    code = "import sys, raysat.generation.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
