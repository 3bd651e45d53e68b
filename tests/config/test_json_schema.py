"""The JSON Schema of each member allows what its model allows, key by key."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from raysat.config.families.base import Spec
from raysat.config.json_schema import member, override_keys
from raysat.config.schema import Config, variants
from raysat.search.options import SearchOptions

KEYS = [
    pytest.param(model, key, id=f"{section}.{kind}.{key}")
    for of in (Config, SearchOptions)
    for section in of.by_key()
    for kind, model in variants(section, of).items()
    for key in model.by_key()
]
BOUNDARIES: list[Any] = [
    *(-1, 0, 1, 2, 3, 10, 11, 10_000, 10_001, 2**32 - 1, 2**32, 0.5, 1.5, 1e-5, -0.5, 1e-12, 1e-13, 5e-324),
    *("all", "real", "minority", "adapter", "cosine", "none", "", "B4"),
    *(None, False, True, {}),
    *([], [0], [1], [-1], [0.5], [1.5], [2**32], [1, 1], [1, 2], [0.25, 0.5, 0.75], ["B4"], ["B4", "B4"], ["B4", 1]),
]
NUMBERS = st.one_of(
    st.integers(),
    st.floats(-2, 2).filter(lambda number: not number.is_integer()),  # 1.0 is a whole number in JSON
)
VALUES = st.one_of(
    NUMBERS, st.lists(st.one_of(NUMBERS, st.sampled_from([1, 2**32, 0.5, "B4", "all", None, True])), max_size=3)
)


def accepts(model: type[Spec], key: str, value: Any) -> bool:
    """Whether the model takes a value of a key; what it says of two keys together is no matter of one."""
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        causes = [detail["ctx"]["error"] if detail["type"] == "value_error" else error for detail in error.errors()]
        return all(type(cause) is ValueError for cause in causes)
    return True


@cache
def validator(model: type[Spec], key: str) -> Draft202012Validator:
    """Of one key: the same for all values that are tried."""
    return Draft202012Validator(member(model)["properties"][key])


@pytest.mark.parametrize(("model", "key"), KEYS)
def test_a_key_takes_the_same_values_at_its_bounds(model: type[Spec], key: str) -> None:
    schema = validator(model, key)
    found = {repr(value): schema.is_valid(value) for value in BOUNDARIES}
    assert found == {repr(value): accepts(model, key, value) for value in BOUNDARIES}


@pytest.mark.slow
@pytest.mark.parametrize(("model", "key"), KEYS)
@given(value=VALUES)
@settings(max_examples=15)  # of each of 120 keys, beside those at its bounds
def test_a_key_takes_the_same_values(model: type[Spec], key: str, value: Any) -> None:
    assert validator(model, key).is_valid(value) == accepts(model, key, value)


def test_an_unknown_key_is_refused() -> None:
    for section in Config.by_key():
        for model in variants(section).values():
            assert not Draft202012Validator(member(model)).is_valid({"no_such_key": 1})


def test_an_override_has_every_key_by_its_dotted_name() -> None:
    keys = {
        f"{section}.{key}"
        for section in Config.by_key()
        for model in variants(section).values()
        for key in model.by_key()
    }
    assert set(override_keys()) == keys | set(Config.by_key())
