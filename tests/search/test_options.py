"""Options of a search: keys of a file are the aliases of their fields."""

import pytest

from raysat.search.options import Asha, SearchOptions, Tpe

WRITTEN = {"sampler": {"kind": "tpe", "startup": 4}, "stop": {"kind": "asha", "grace": 0.3, "reduction": 2.0}}


def test_a_file_has_words_of_its_own() -> None:
    options = SearchOptions.model_validate(WRITTEN)
    assert options.sampler == Tpe(n_startup_trials=4)
    assert options.pruner == Asha(grace_period=0.3, reduction_factor=2.0)
    assert options.model_dump(by_alias=True, include={"pruner"})["stop"] == WRITTEN["stop"]


@pytest.mark.parametrize(("epochs", "grace", "expected"), [(12, 0.25, 3), (10, 0.25, 3), (2, 0.25, 1), (1, 0.1, 1)])
def test_grace_is_a_fraction_of_training(epochs: int, grace: float, expected: int) -> None:
    assert Asha(grace_period=grace).grace_epochs(epochs) == expected
