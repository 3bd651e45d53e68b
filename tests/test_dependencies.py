"""What is declared is used, and what is used is declared: the package's imports beside pyproject.toml."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

# Installed for what they bring to others, not imported by name.
FOR_OTHERS = {
    # plugins of pytest; the kernel of the notebook and its widgets, by tqdm and Ray; what checks types; what packages;
    # MLflow's server
    "test": {
        *("build", "ipykernel", "ipywidgets", "mlflow", "mypy", "pandas-stubs", "pytest-timeout", "pytest-xdist"),
        *("raysat", "twine"),
    },
    "dev": {"import-linter", "raysat", "ruff"},  # commands
}
# Extras whose packages raysat imports where they are needed.
OPTIONAL = ("board", "chips", "convert", "energy", "export", "stac", "track")
BROUGHT = {"triton"}  # with torch for CUDA; without it raysat does otherwise
NAMESPACES = {"google": "protobuf", "mlflow": "mlflow-skinny", "pystac": "pystac"}  # shared by several distributions
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in requirements}


def _optional() -> set[str]:
    return set().union(*(_declared(PROJECT["optional-dependencies"][extra]) for extra in OPTIONAL))


def _imports(folder: Path) -> Iterator[str]:
    """Top-level modules that a folder's files import, wherever in them and however."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "extra_module":
                yield ast.literal_eval(node.args[0]).partition(".")[0]


def _used(folder: Path) -> set[str]:
    modules = set(_imports(folder)) - set(sys.stdlib_module_names) - {"raysat", "tests", "benchmarks"} - BROUGHT
    owners = {name: found[0] for name, found in packages_distributions().items()} | NAMESPACES
    return {_normal(owners.get(module, module)) for module in modules}


@pytest.mark.slow
def test_the_package_imports_what_it_declares() -> None:
    assert _used(ROOT / "raysat") == _declared(PROJECT["dependencies"]) | _optional()


@pytest.mark.slow
def test_the_tests_import_what_the_extra_declares() -> None:
    extra = _declared(PROJECT["optional-dependencies"]["test"])
    assert _used(ROOT / "tests") - _declared(PROJECT["dependencies"]) - _optional() == extra - FOR_OTHERS["test"]


@pytest.mark.slow
def test_the_benchmarks_import_what_their_extra_declares() -> None:
    declared = [_declared(PROJECT["optional-dependencies"][extra]) for extra in ("bench", "test")]
    used = _used(ROOT / "benchmarks") - {_normal(path.stem) for path in (ROOT / "benchmarks").iterdir()}
    assert declared[0] <= used <= set().union(*declared, _declared(PROJECT["dependencies"]))


@pytest.mark.slow
def test_the_docs_are_built_by_what_their_extra_declares() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    declared = _declared(PROJECT["optional-dependencies"]["docs"])
    assert declared == {"mkdocs", "mkdocs-material", "mkdocstrings"}
    assert "mkdocs" in _used(ROOT / "docs")
    assert "name: material" in settings
    assert "- mkdocstrings:" in settings


def test_every_development_tool_is_a_command() -> None:
    assert _declared(PROJECT["optional-dependencies"]["dev"]) == FOR_OTHERS["dev"]
