"""The JSON Schema of a study file: it accepts what raysat accepts, and knows what many mistakes are."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from raysat.config.schema import Config, variants
from raysat.config.yaml_source import read_yaml
from raysat.errors import StudyError
from raysat.study.load import load_study
from raysat.study.schema import study_schema
from tests.helpers.study import load, shipped_studies

pytestmark = pytest.mark.slow


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(study_schema())


def test_it_is_a_json_schema_that_says_what_each_key_is() -> None:
    Draft202012Validator.check_schema(study_schema())
    assert descriptions(study_schema()) > 80


def descriptions(schema: Any) -> int:
    """Count the descriptions, and none of a property that is called so."""
    if isinstance(schema, list):
        return sum(map(descriptions, schema))
    if not isinstance(schema, dict):
        return 0
    return isinstance(schema.get("description"), str) + sum(map(descriptions, schema.values()))


@pytest.mark.parametrize("file", shipped_studies(), ids=lambda file: file.name)
def test_it_accepts_a_shipped_study(file: Path) -> None:
    validator().validate(read_yaml(file)[0].value)


ALMOST = "base: {loss: {kind: ldam, max_margin: 0.3}, optim.lr: 1.0e-3}\nseeds: 3\n"
BROKEN = [
    "sead: [0]\n",
    "study: my study\n",
    "seeds: 0\n",
    "seeds: [0, 0]\n",
    "seeds: [0.5]\n",
    "base: {los: {kind: ldam}}\n",
    "base: {loss: {kind: ldma}}\n",
    "base: {loss: {kind: focal, max_margin: 0.3}}\n",
    "base: {loss: ldam}\n",
    "base: {optim: {lr: 0}}\n",
    "base: {optim: {lr: high}}\n",
    "base: {optim: {epochs: 2.5}}\n",
    "base: {model.stem: wide}\n",
    "base: {data: {bands: []}}\n",
    "base: {schedule: {kind: multistep, milestones: [0.5, 1.5]}}\n",
    "arms:\n",
    "arms: [a, b]\n",
    "arms: {a: {optim.lrr: 1}}\n",
    "arms: {a: {reweight: {kind: drw, switch: 1.5}}}\n",
    "arms: {1: {}}\n",
    "grid: {loss: {kind: ldam}}\n",
    "grid: {optim.lr: []}\n",
    "grid: {optim.lr: [-1.0]}\n",
    "grid: {lr: [1.0]}\n",
    "zip: {optim.lr: [0.1]}\n",
    "zip: [{}]\n",
    "grid: {optim.lr: [0.1, 0.2]}\nexclude: {optim.lr: 0.1}\n",
    "grid: {optim.lr: [0.1, 0.2]}\nexclude: [{optim.rate: 0.1}]\n",
    "reference: [table1]\n",
    "folds: 1\n",
    "folds: {block: 10km}\n",
    "folds: {number: 5, block: 10mi}\n",
    "folds: {number: 5, test: 0.2}\n",
]


def test_a_broken_study_is_one_change_from_a_sound_one(tmp_path: Path) -> None:
    validator().validate(YAML(typ="safe", pure=True).load(ALMOST))
    load(tmp_path, ALMOST)


@pytest.mark.parametrize("text", BROKEN)
def test_it_refuses_what_raysat_refuses(text: str, tmp_path: Path) -> None:
    assert not validator().is_valid(YAML(typ="safe", pure=True).load(text))
    with pytest.raises(StudyError):
        load(tmp_path, text)


def test_it_refuses_a_composite_that_no_sensor_has() -> None:
    assert validator().is_valid({"base": {"data.bands": "agriculture"}, "arms": {"a": {"data": {"bands": "all"}}}})
    assert not validator().is_valid({"base": {"data.bands": "agricultre"}})
    assert not validator().is_valid({"base": {"synthetic": {"kind": "dcgan", "bands": "agricultre"}}})


@st.composite
def overrides(draw: st.DrawFn) -> dict[str, Any]:
    """Some keys of some kinds at values that are often sound, nested or dotted, with kinds or without."""
    tree: dict[str, Any] = {}
    for section in draw(st.lists(st.sampled_from(list(Config.model_fields)), unique=True, max_size=3)):
        kind, model = draw(st.sampled_from(list(variants(section).items())))
        defaults = {key: value for key, value in model().model_dump(mode="json").items() if key != "kind"}
        names = draw(st.lists(st.sampled_from(list(defaults)), unique=True, max_size=2)) if defaults else []
        keys = {name: draw(st.sampled_from([defaults[name], 0.5, 1, 2, 1e-4, None, "all"])) for name in names}
        if kind and draw(st.booleans()):
            keys = {"kind": kind, **keys}
        if draw(st.booleans()):
            tree[section] = keys
        else:
            tree |= {f"{section}.{name}": value for name, value in keys.items()}
    return tree


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Any]:
    study: dict[str, Any] = {"seeds": draw(st.sampled_from([1, 3, [0, 7], [2**32 - 1]]))}
    study["arms"] = {name: draw(overrides()) for name in draw(st.sampled_from(["", "a", "ab"]))}
    axes = draw(overrides())
    study["grid"] = {path: [value, value] if draw(st.booleans()) else [value] for path, value in axes.items()}
    study["base"] = draw(st.one_of(st.none(), overrides()))
    return {key: value for key, value in study.items() if value or draw(st.booleans())}


@given(study=studies())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_it_accepts_what_raysat_accepts(study: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    YAML(typ="safe", pure=True).dump(study, file)
    base = study.get("base") or {}
    try:
        load_study(file)
        load_study({"base": base})  # what is wrong there and replaced in every arm, the schema still calls wrong
    except StudyError:
        assume(False)
    for section, keys in base.items():  # a base whose kind its arms replace: the schema knows better
        if isinstance(keys, dict):
            family = variants(section)
            assume(set(keys) <= set(family.get(keys.get("kind", ""), Config).model_fields) or "kind" not in keys)
    validator().validate(study)
