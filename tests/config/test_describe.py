"""What is said of methods and settings: nothing is left out, and defaults and ranges are those of the models."""

from typing import Any

import pytest

from raysat.config.describe import MethodInfo, as_yaml, methods, range_text, sections
from raysat.config.families.base import Spec
from raysat.config.schema import Config, variants
from raysat.config.yaml_source import parse_yaml
from raysat.errors import UsageError
from raysat.search.options import SearchOptions

ALL = [
    (of, section.name, method)
    for of in (Config, SearchOptions)
    for section in sections(of)
    for method in section.methods
]
FAMILIES = [case for case in ALL if case[2].name != case[1]]
WITHOUT_PAPER = {"none", "uniform", "augment.dihedral"}


def name_of(value: Any) -> str:
    return f"{value.section}.{value.name}" if isinstance(value, MethodInfo) else ""


def model_of(of: type[Spec], section: str, name: str) -> type[Spec]:
    family = variants(section, of)
    return family.get(name, family.get("", Spec))


@pytest.mark.parametrize(("of", "section", "method"), ALL, ids=name_of)
def test_every_setting_is_described(of: type[Spec], section: str, method: MethodInfo) -> None:
    model = model_of(of, section, method.name)
    assert [setting.name for setting in method.settings] == [key for key in model.by_key() if key != "kind"]
    for setting in method.settings:
        assert len(setting.description) > 20
        assert setting.description.endswith(".")
        assert setting.range


@pytest.mark.parametrize(("of", "section", "method"), ALL, ids=name_of)
def test_a_default_is_what_a_file_would_say(of: type[Spec], section: str, method: MethodInfo) -> None:
    model = model_of(of, section, method.name)
    for setting in method.settings:
        default = model.by_key()[setting.name].default
        written = parse_yaml(setting.default, "default").value
        assert written == (list(default) if isinstance(default, tuple) else default)
        assert type(written) is (list if isinstance(default, tuple) else type(default)) or float(written) == default


@pytest.mark.parametrize(("of", "section", "method"), FAMILIES, ids=name_of)
def test_every_method_says_when_to_use_it_its_cost_and_its_paper(
    of: type[Spec], section: str, method: MethodInfo
) -> None:
    assert method.use
    assert method.cost
    assert bool(method.paper) == WITHOUT_PAPER.isdisjoint((method.name, f"{section}.{method.name}"))
    assert "\n" not in method.summary + method.details
    assert len(method.summary) < 60  # a line of raysat methods


def test_the_default_of_a_section_comes_first() -> None:
    for section in sections():
        default = getattr(Config(), section.name)
        assert section.methods[0].name == getattr(default, "kind", section.name)


def test_a_name_finds_every_family_that_has_it() -> None:
    assert [name_of(method) for method in methods("ldam")] == ["loss.ldam"]
    shared = [name_of(method) for method in methods("inverse_frequency")]
    assert shared == ["reweight.inverse_frequency", "sampler.inverse_frequency"]
    assert [method.name for method in methods("average")] == ["none", "swa", "ema"]
    for setting in ("weights", "trains", "layer_decay", "pretrained"):
        assert methods(setting) == methods("model")
    assert len(methods()) == sum(len(variants(section)) for section in Config.model_fields)


def test_an_unknown_name_is_one_error() -> None:
    with pytest.raises(UsageError, match="there is no method 'ldma'") as caught:
        methods("ldma")
    assert caught.value.hint == "did you mean 'ldam'?"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "number", "exclusiveMinimum": 0}, "> 0"),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, ">= 0, < 1"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "0 to 1"),
        ({"type": "integer", "minimum": 1, "maximum": 10_000}, "whole, 1 to 10,000"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 8}, "whole, 0 to 7"),
        ({"type": "boolean"}, "true, false"),
        ({"enum": ["linear", "cosine"], "type": "string"}, "linear, cosine"),
        ({"anyOf": [{"const": "minority"}, {"type": "null"}]}, "minority or null"),
        ({"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}}, "list, each > 0"),
    ],
)
def test_a_range_reads_as_people_write_it(schema: dict[str, Any], text: str) -> None:
    assert range_text(schema) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (True, "true"), (None, "null"), (1e-5, "1e-05"), ((0.6, 0.8), "[0.6, 0.8]"), ("all", "all")],
)
def test_a_value_reads_as_in_a_file(value: Any, text: str) -> None:
    assert as_yaml(value) == text
