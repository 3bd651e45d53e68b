"""Wrong values of the model's settings: what is said of them, and what to write."""

from __future__ import annotations

import pytest

from raysat.config.validate import validate_config
from raysat.config.yaml_source import YamlValue
from raysat.errors import StudyError
from tests.helpers.plugins import plugin_text, source_of_text, used

METHODS = "{raysat methods} model says what each may be"
TRAINS = "model.trains must be all, head or a whole number from 1 to 100, got "
SCALE = "model.weights_scale must be a number above 0, at most 1e9, or standardised, got "
WEIGHTS = "model.weights must be torchgeo: and a name, or the path of a file, got "


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        ("trains", 0, TRAINS + "0", METHODS),
        ("trains", 101, TRAINS + "101", METHODS),
        ("trains", 1.5, TRAINS + "1.5", METHODS),
        ("trains", "2", TRAINS + "'2'", "write it without quotes: 2"),
        ("trains", "haed", TRAINS + "'haed'", "did you mean 'head'?"),
        ("trains", [1], TRAINS + "[1]", METHODS),
        ("weights_scale", "standardized", SCALE + "'standardized'", "did you mean 'standardised'?"),
        ("weights_scale", "10000", SCALE + "'10000'", "write it without quotes: 10000"),
        ("weights_scale", 0, SCALE + "0", METHODS),
        ("weights", "", WEIGHTS + "''", METHODS),
        ("weights", 3, WEIGHTS + "3", METHODS),
        ("weights_hash", "zz", "model.weights_hash must be 16 digits from 0 to 9 and a to f", METHODS),
        ("weights_hash", "0123456789abcdef", "model: weights_hash needs weights", METHODS),
        ("weights_scale", 10.0, "model: weights_scale needs weights", METHODS),
        ("layer_decay", 0.001, "model.layer_decay must be >= 0.01, got 0.001", "set it to 0.01 or more"),
        ("name", "", "model.name must not be empty", METHODS),
    ],
)
def test_a_wrong_value_is_one_error_in_words(key: str, value: object, message: str, hint: str) -> None:
    with pytest.raises(StudyError) as found:
        validate_config(YamlValue({"model": {key: value}}), arm="a")
    assert message in found.value.template
    assert found.value.hint_template == hint


def test_a_plugins_setting_of_such_a_name_is_told_by_its_own_bounds() -> None:
    text = plugin_text("model").replace("    amount: float", "    weights_scale: float")
    with used(source_of_text(text)), pytest.raises(StudyError, match=r"model\.weights_scale must be <= 10, got 11"):
        validate_config(YamlValue({"model": {"kind": "own", "weights_scale": 11.0}}), arm="a")


def test_a_width_between_multiples_is_told_what_it_may_be() -> None:
    with pytest.raises(StudyError) as found:
        validate_config(YamlValue({"synthetic": {"kind": "flow", "width": 12}}), arm="a")
    assert "synthetic.width must be a multiple of 8, got 12" in found.value.template
    assert found.value.hint_template == "set it to 8 or a multiple of that"
