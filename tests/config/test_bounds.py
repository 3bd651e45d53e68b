"""Every number that can be given has a least and a greatest value: a walk over all models, options and parameters."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any

import click
import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

import raysat
from raysat.cli.main import cli
from raysat.config.schema import Config, Generation, Trial, variants
from raysat.execution.cluster_options import ClusterOptions
from raysat.search.options import SearchOptions

LOW, HIGH = (Ge, Gt), (Le, Lt)
NOT_NUMBERS = (bool, str)
# Names of bands and classes by number, which the store bounds.
BY_STORE = {"data.bands", "data.drop", "synthetic.bands", "synthetic.classes"}
# Parameters that become a setting of a study or search, and have its bounds; --seeds those of the study.
AS_SETTINGS = {"epochs", "seeds", "trials", "hours", "patches", "steps"}


def unbounded(hint: Any, metadata: tuple[Any, ...] = ()) -> Iterator[type]:
    """Yield the number types within a type that lack a bound on either side."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        inner, *more = typing.get_args(hint)
        flat = [each for part in more for each in (part.metadata if isinstance(part, FieldInfo) else (part,))]
        yield from unbounded(inner, (*metadata, *flat))
    elif origin in (typing.Union, types.UnionType, tuple, list):
        for part in typing.get_args(hint):
            yield from unbounded(part, metadata)
    elif isinstance(hint, type) and issubclass(hint, int | float) and not issubclass(hint, NOT_NUMBERS):
        sides = [any(isinstance(bound, side) for bound in metadata) for side in (LOW, HIGH)]
        if not all(sides):
            yield hint


def fields() -> Iterator[tuple[str, FieldInfo]]:
    for of in (Config, SearchOptions):
        for section in of.by_key():
            for kind, model in variants(section, of).items():
                for key, field in model.by_key().items():
                    yield f"{section}.{kind}.{key}" if kind else f"{section}.{key}", field
    for model in (Trial, Generation):
        yield from ((f"{model.__name__}.{name}", field) for name, field in model.model_fields.items())


def options(command: click.Command = cli) -> Iterator[tuple[str, click.ParamType]]:
    for parameter in command.params:
        yield f"{command.name} {parameter.opts[0]}", parameter.type
    for each in getattr(command, "commands", {}).values():
        yield from options(each)


FIELDS, OPTIONS = dict(fields()), dict(options())
FUNCTIONS = {name: value for name in raysat.__all__ if inspect.isfunction(value := getattr(raysat, name))}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_two_bounds(name: str) -> None:
    field = FIELDS[name]
    path = name.split(".")
    if f"{path[0]}.{path[-1]}" not in BY_STORE:
        assert not list(unbounded(field.annotation, tuple(field.metadata))), field


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_has_two_bounds(name: str) -> None:
    kind = OPTIONS[name]
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        assert getattr(kind, "min", None) is not None
        assert getattr(kind, "max", None) is not None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_parameter_has_two_bounds(name: str) -> None:
    hints = typing.get_type_hints(FUNCTIONS[name], include_extras=True)
    hints = {key: hint for key, hint in hints.items() if key not in ("return", *AS_SETTINGS)}
    plain = {key for key, hint in hints.items() if hint in (int, float, int | None, float | None)}
    assert plain <= {"seed"} if name == "generate" else not plain  # the seed of a generator is a setting too
    assert not [key for key, hint in hints.items() if typing.get_origin(hint) is Annotated and list(unbounded(hint))]


def test_the_machine_options_have_two_bounds() -> None:
    hints = typing.get_type_hints(ClusterOptions, include_extras=True)
    assert not [key for key, hint in hints.items() if list(unbounded(hint))]


def test_the_walk_finds_what_it_is_for() -> None:
    assert list(unbounded(Annotated[float, Ge(0)] | None)) == [float]
    assert list(unbounded(tuple[int, ...])) == [int]
    assert not list(unbounded(Annotated[int, Ge(0), Le(1)] | bool | str))
    assert {"optim.adam.lr", "loss.focal.gamma", "sampler.tpe.startup", "Generation.patches"} <= set(FIELDS)
    assert {"plan --epochs", "tune --hours", "synth --size"} <= set(OPTIONS)
    assert {"plan", "load_search", "make_synthetic"} <= set(FUNCTIONS)
