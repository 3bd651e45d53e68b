"""The JSON Schema of a search file: it accepts what raysat accepts, and knows what many mistakes are."""

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
from raysat.search.load import load_search
from raysat.search.schema import search_schema
from tests.helpers.paths import SPACES

pytestmark = pytest.mark.slow

SOUND = "search: {optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}}\n"


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(search_schema())


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(search_schema())


def test_it_accepts_the_shipped_search() -> None:
    validator().validate(read_yaml(SPACES / "hpo.yaml")[0].value)


@pytest.mark.parametrize(
    "text",
    [
        SOUND,
        "search: {optim: {lr: {uniform: [0.001, 0.1]}, batch_size: {choice: [16, 32]}}}\n",
        "search: {optim.clip_norm: {choice: [null, 1.0]}, optim.kind: {choice: [adam, sgd]}}\n",
        SOUND + "budget: {hours: 2}\nsampler: {startup: 4}\nseeds: [7]\n",
        SOUND + "sampler: {kind: random, seed: 3}\nstop: {kind: asha, grace: 0.5}\nconfirm: {best: 1}\nseeds: 1\n",
    ],
)
def test_it_accepts_a_sound_search(text: str, tmp_path: Path) -> None:
    validator().validate(YAML(typ="safe", pure=True).load(text))
    (tmp_path / "search.yaml").write_text(text, encoding="utf-8")
    load_search(tmp_path / "search.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "base: {}\n",
        "search: {}\n",
        "search: {optim.lr: [1.0e-4, 1.0e-2]}\n",
        "search: {optim.lr: {log_uniform: [0, 1.0e-2]}}\n",
        "search: {optim.lr: {uniform: [1.0e-4]}}\n",
        "search: {optim.lr: {uniform: [0.1, 0.2], choice: [0.1, 0.2]}}\n",
        "search: {optim.lr: {normal: [1.0e-4, 1.0e-2]}}\n",
        "search: {optim.batch_size: {uniform: [16, 48]}}\n",
        "search: {optim.batch_size: {int: [1, 48]}}\n",
        "search: {optim.epochs: {int: [10, 40]}}\n",
        "search: {synthetic: {choice: [{kind: none}, {kind: dcgan}]}}\n",
        "search: {model.classifier: {choice: [linear, cosin]}}\n",
        "search: {loss: {choice: [{kind: ldam}]}}\n",
        "search: {loss: {choice: [ldam, focal]}}\n",
        "search: {loss: {uniform: [0, 1]}}\n",
        SOUND + "seeds: [0, 1]\n",
        SOUND + "arms: {}\n",
        SOUND + "sampler: {kind: random, startup: 3}\n",
        SOUND + "stop: {grace: 0.5}\n",
        SOUND + "budget: {}\n",
        SOUND + "budget: {trials: 1}\n",
        SOUND + "confirm: {arms: 3}\n",
    ],
)
def test_it_refuses_what_raysat_refuses(text: str, tmp_path: Path) -> None:
    assert not validator().is_valid(YAML(typ="safe", pure=True).load(text))
    (tmp_path / "search.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError):
        load_search(tmp_path / "search.yaml")


OTHER = {"all": "natural", "linear": "cosine", "native": "adapter", "resnet18": "resnet50", "adam": "sgd"}


def around(default: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Distributions of a setting, near its default."""
    match default:
        case bool():
            return st.just({"choice": [True, False]})
        case int():
            return st.sampled_from([{"int": [default, default + 1]}, {"choice": [default, default + 2]}])
        case float():
            low, high = (default / 2, default) if default else (1e-3, 2e-3)
            return st.sampled_from([{kind: [low, high]} for kind in ("uniform", "log_uniform", "choice")])
        case str():
            return st.just({"choice": [default, OTHER.get(default, "none")]})
        case _:
            return st.just({"choice": [default, 1.0]})


@st.composite
def searches(draw: st.DrawFn) -> dict[str, Any]:
    """A base of some kinds, and parameters of keys that it has, dotted or nested."""
    base: dict[str, Any] = {}
    search: dict[str, Any] = {}
    sections = [section for section in Config.model_fields if section != "synthetic"]
    for section in draw(st.lists(st.sampled_from(sections), unique=True, min_size=1, max_size=3)):
        kind, model = draw(st.sampled_from(list(variants(section).items())))
        base |= {f"{section}.kind": kind} if kind else {}
        defaults = model().model_dump(mode="json")
        keys = draw(st.lists(st.sampled_from(list(defaults)), unique=True, min_size=1, max_size=2))
        found = {key: draw(around(defaults[key])) for key in keys}
        search |= {section: found} if draw(st.booleans()) else {f"{section}.{key}": by for key, by in found.items()}
    return {"base": base, "search": search}


@given(document=searches())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
def test_it_accepts_what_raysat_accepts(document: dict[str, Any], tmp_path: Path) -> None:
    YAML(typ="safe", pure=True).dump(document, tmp_path / "search.yaml")
    try:
        load_search(tmp_path / "search.yaml")
    except StudyError:
        assume(False)
    validator().validate(document)
