"""Functions and methods of the Python API refuse what a parameter cannot be, by its name, before they do anything."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import raysat
from raysat.errors import UsageError
from raysat.storage.ledger import Ledger

REQUIRED: dict[str, Any] = {
    "arm": "a", "config": {}, "data": "demo", "file": "a.png", "manifest": "a.csv", "name": "a", "out": "a",
    "labels": "a", "path": "a", "run": "a", "run_a": "a", "run_b": "a", "runs": "a", "scenes": "a", "search": "hpo",
    "seed": 0, "source": "quickstart", "split": "group", "store": "demo", "study": raysat.load_study({}), "to": "zarr",
}  # fmt: skip


def calls() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Each function and method with each of its parameters."""
    for name in raysat.__all__:
        public = getattr(raysat, name)
        if inspect.isfunction(public):
            yield from ((name, public, parameter) for parameter in inspect.signature(public).parameters)
        elif name in (
            "Run",
            "Plan",
            "Report",
            "Store",
            "SearchRun",
            "Comparison",
            "Generators",
            "Study",
            "TrainedModel",
        ):
            for method, function in inspect.getmembers(public, inspect.isfunction):
                if not method.startswith("_") and method != "show" and "raysat.api" in function.__module__:
                    for parameter in list(inspect.signature(function).parameters)[1:]:
                        yield f"{name}.{method}", function, parameter


@pytest.mark.parametrize(
    ("name", "function", "parameter"), [pytest.param(*call, id=f"{call[0]}-{call[2]}") for call in calls()]
)
def test_what_a_parameter_cannot_be(
    name: str, function: Callable[..., Any], parameter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parameters = inspect.signature(function).parameters.values()
    given = {
        each.name: REQUIRED[each.name] for each in parameters if each.default is each.empty and each.name != "self"
    }
    if "." in name:
        given["self"] = None
    with pytest.raises(UsageError) as caught:
        function(**given | {parameter: object()})
    assert str(caught.value).startswith(f"{parameter} must be ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: raysat.report("a", formats="csv"), "formats must be a list of text, got 'csv'"),
        (lambda: raysat.report([]), "there is no run to report"),
        (lambda: raysat.report(3), "runs must be a Run or a path or text or a list of a Run or a path or text, got 3"),
        (lambda: raysat.generate(out="a", classes="ab"), "classes must be a list of a whole number or text or None"),
        (lambda: raysat.plan(raysat.load_search("hpo")), "study must be a Study or a path or text or a mapping, got "),
        (lambda: raysat.load_study("x" * 5000), "cannot be a path: a name in it has more than 255 bytes"),
        (lambda: raysat.train({}, device="gpu0"), "device 'gpu0'"),
        (lambda: raysat.train({}, device="cuda:99"), "device 'cuda:99' cannot be used: "),
        (lambda: raysat.train({"a": {1, 2}}), "config: a: {1, 2} cannot stand in a study"),
        (lambda: raysat.generate(out="a", steps=-1), "generate: synthetic.steps must be >= 1, got -1"),
        (
            lambda: raysat.generate(out="a", classes=[]),
            "generate: synthetic.classes must be 'minority' or a list of classes",
        ),
        (lambda: raysat.make_synthetic("a", size=10**15), "size must be a whole number from 40 to 10,000,000, got "),
        (lambda: raysat.report("a", out=""), "out '' cannot be a path: it is empty"),
        (lambda: raysat.make_synthetic("a", size=0), "size must be a whole number from 40 to 10,000,000, got 0"),
        (lambda: raysat.load_search("hpo", seed=-1), "seed must be a whole number from 0 to 4,294,967,295"),
        (lambda: raysat.train({}, seed=-1), "seed must be a whole number from 0 to 4,294,967,295"),
        (lambda: raysat.plan({}, workers=0), "workers must be a whole number from 1 to 1,024, got 0"),
        (lambda: raysat.ClusterOptions(workers=0), "workers must be a whole number from 1 to 1,024, got 0"),
        (
            lambda: raysat.ClusterOptions(cpus_per_trial=0.0),
            "cpus_per_trial must be a number from 0.001 to 1,024 or None, got 0.0",
        ),
        (
            lambda: raysat.ClusterOptions(cpus_per_trial=float("nan")),
            "cpus_per_trial must be a number from 0.001 to 1,024 or None, got nan",
        ),
        (
            lambda: raysat.ClusterOptions(gpus_per_trial="1"),
            "gpus_per_trial must be a number from 0 to 1,024 or None, got '1'",
        ),
        (
            lambda: raysat.ClusterOptions(max_concurrent=0),
            "max_concurrent must be a whole number from 1 to 10,000 or None",
        ),
        (lambda: raysat.ClusterOptions(retries=-1), "retries must be a whole number from 0 to 100, got -1"),
        (lambda: raysat.ClusterOptions(checkpoint_every="1h"), "checkpoint_every must be auto, seconds from 1s to"),
    ],
)
def test_what_a_value_cannot_be(
    call: Callable[[], Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        call()
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_open_is_as_good_as_its_folder(tmp_path: Path) -> None:
    with pytest.raises(raysat.RaysatError, match="a run is named twice"):
        raysat.report([raysat.Run(ledger=Ledger(tmp_path)), tmp_path])
