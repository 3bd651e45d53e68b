"""The public face: what it exports, what it loads, and that nothing of the command line is out of its reach."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

import raysat
from raysat.cli.main import cli
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def commands(group: click.Group, words: tuple[str, ...] = ("raysat",)) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name))


def test_every_command_has_its_function() -> None:
    rows = re.findall(r"^\| `(raysat(?: [a-z]+(?:-[a-z]+)*)+)` \| (.*?) \|", PAGE, flags=re.MULTILINE)
    assert sorted(command for command, _ in rows) == sorted(commands(cli))


def test_every_name_on_the_page_is_exported_and_described() -> None:
    named = set(re.findall(r"raysat\.([A-Za-z_]+)", PAGE))
    assert named - set(raysat.__all__) == set()
    for name in raysat.__all__:
        assert inspect.getdoc(getattr(raysat, name)), name
        assert name in dir(raysat)
    assert set(raysat.__all__) - named - set(re.findall(r"`([A-Z][A-Za-z]+)`", PAGE)) == set()


def test_methods_on_the_page_exist() -> None:
    for kind, methods in re.findall(r"\| `([A-Z][A-Za-z]+)`: (.*?) \|", PAGE):
        for method in re.findall(r"`([a-z_]+)(?:\([a-z]*\))?`", methods):
            assert hasattr(getattr(raysat, kind), method), (kind, method)


@pytest.mark.parametrize("code", ["import raysat", "import raysat; dir(raysat); raysat.__all__; raysat.__version__"])
def test_importing_it_loads_nothing_heavy(code: str) -> None:
    heavy = "{'torch', 'ray', 'pandas', 'numpy', 'pydantic', 'rich', 'click'}"
    code = f"import sys; {code}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_planning_loads_neither_torch_nor_ray() -> None:
    raysat.plan("quickstart")  # the first time the demo is made, and timm is asked for the names of its models
    code = (
        "import sys, raysat; print(raysat.plan(raysat.load_study('quickstart'))); "
        "print(sorted({'torch', 'ray', 'timm', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.endswith("[]\n")
    assert "32 (4 arms x 8 seeds)" in done.stdout
