"""The image: what its Dockerfile says, what gets into it, and its steps done in a bare root of Debian."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from raysat import __version__
from tests.helpers.bare_root import NoRootError, bare_root
from tests.helpers.dockerfile import Dockerfile, copied, read_dockerfile
from tests.helpers.paths import ROOT

INDEX = "RAYSAT_TEST_TORCH_INDEX"  # an index with PyTorch for CPUs: then what is made must be small
SMALL = 3_000_000_000
PATIENCE_S = 3000.0
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(name="dockerfile")
def _dockerfile() -> Dockerfile:
    return read_dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(name="container")
def _container() -> dict[str, Any]:
    """The devcontainer's settings, which may have comments."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    settings: dict[str, Any] = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    return settings


def test_it_is_pinned_and_runs_without_root(dockerfile: Dockerfile) -> None:
    _, steps = dockerfile.chain(dockerfile.last)
    installs = [step.text for step in steps if step.instruction == "RUN" and "pip install" in step.text]
    assert len(installs) == 2
    assert all("-c /opt/raysat/constraints.txt" in text for text in installs)
    assert [step.text for step in steps if step.instruction == "USER"] == ["1000"]
    assert dockerfile.stages[dockerfile.last].steps[-1].instruction == "CMD"
    (extras,) = (step.text.partition("=")[2] for step in steps if step.text.startswith("EXTRAS="))
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_its_commands_name_this_version_and_no_file_names_a_host() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"raysat:(\d+\.\d+\.\d+)", text)) == {__version__}
    for name in ("Dockerfile", ".dockerignore", ".devcontainer/devcontainer.json"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8"), "the index of PyTorch is an argument"


def test_the_devcontainer_is_a_stage_of_it(dockerfile: Dockerfile, container: dict[str, Any]) -> None:
    folder = ROOT / ".devcontainer"
    assert (folder / container["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (folder / container["build"]["context"]).resolve() == ROOT
    _, steps = dockerfile.chain(container["build"]["target"])
    assert {step.text.partition("=")[0] for step in steps if step.instruction == "ARG"} == set(
        container["build"]["args"]
    )
    assert any(f" {container['remoteUser']}" in step.text for step in steps if "useradd" in step.text)
    extra = re.search(r"-c constraints\.txt -e '\.\[(\w+)\]'", container["postCreateCommand"])
    assert extra is not None
    assert extra[1] in PROJECT["optional-dependencies"]


def test_nothing_but_the_package_gets_into_it() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    package = [
        "raysat/a.py",
        "raysat/search_spaces/b.yaml",
        "constraints.txt",
        "pyproject.toml",
        "LICENSE",
        "PACKAGE.md",
    ]
    other = [
        ".env", "aws.env", "raysat/aws.env", ".git/config", ".venv/bin/python", "runs/table2/plan.json", "my.yaml",
        "stores/x/patches.npy", "tests/conftest.py", "raysat/__pycache__/a.pyc", "raysat/data/__pycache__/a.pyc",
        "reports/a.md", "docs/raysat",
    ]  # fmt: skip
    assert copied([*package, *other], ignore) == package


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("a*", ["b/ab"]),
        ("a*\n!ab/d", ["ab/d", "b/ab"]),
        ("**/ab", ["abc"]),
        ("*\n!b", ["b/ab"]),
        ("*/ab", ["ab/d", "abc"]),
    ],
)
def test_ignored_is_what_docker_ignores(pattern: str, taken: list[str]) -> None:
    assert copied(["ab/d", "abc", "b/ab"], pattern) == taken


def test_its_steps_make_an_image_that_runs_without_root(dockerfile: Dockerfile, tmp_path: Path) -> None:
    """As ``docker build`` and ``docker run`` do them: PyTorch from the index of the variable, else from pip's own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in copied(listed.split("\0"), (ROOT / ".dockerignore").read_text(encoding="utf-8")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    base, steps = dockerfile.chain(dockerfile.last)
    index = os.environ.get(INDEX, "")
    try:
        with bare_root(base, tmp_path, {"TORCH_INDEX": index} if index else {}) as root:
            for step in steps:
                root.do(step, PATIENCE_S)
            run = lambda *words: root.run(*root.entrypoint, *words, patience_s=PATIENCE_S)  # noqa: E731
            assert run("id", "-u").stdout == "1000\n"
            for place in ("/opt/raysat", "/usr/local/bin", "/etc"):
                assert run("touch", f"{place}/x").returncode != 0, "who runs in it cannot change it"
            assert run("bash", "-lc", "raysat --version && ray --version").returncode == 0, "as KubeRay starts it"
            planned = run("raysat", "plan", "--space", "quickstart")
            assert planned.returncode == 0, planned.stderr
            assert "32 trials, 384 epochs" in planned.stdout
            few = ("--epochs", "1", "--seeds", "1")
            trained = run("raysat", "ablate", "--space", "quickstart", *few)
            assert trained.returncode == 0, trained.stdout + trained.stderr
            assert (root.folder / "home" / "ray" / "runs" / "quickstart" / "leaderboard.json").is_file()
            if index:
                assert root.size() < SMALL, f"{root.size() / 1e9:.2f} GB"
    except NoRootError as error:
        pytest.skip(f"{error}")
