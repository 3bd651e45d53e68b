"""What is given away: archives made of what Git keeps, the wheel alone in an empty folder, and what is said of both."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import raysat
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

Archives = dict[str, Path]
ENTITY = {"name", "address", "alias", "city", "country", "email", "orcid", "website"}  # of the Citation File Format
PERSON = {"family-names", "given-names", "name-particle", "name-suffix", "affiliation", "alias", "email", "orcid"}


def run(*words: object, folder: Path, **environment: str) -> str:
    """What a command of this Python prints; the test fails with what it prints otherwise."""
    command = [sys.executable, "-P", *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked(*under: str) -> list[str]:
    """The files that Git keeps, as they lie here."""
    listed = subprocess.run(["git", "ls-files", "-z", *under], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("these sources are no clone, so that it is not known which files belong to them")
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


@pytest.fixture(name="archives", scope="module")
def _archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    """The source archive, the wheel that is built from it, and the wheel that is built from the sources."""
    folder = tmp_path_factory.mktemp("packaging")
    for name in tracked():
        (folder / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "sources" / name).write_bytes((ROOT / name).read_bytes())
    build = ("-m", "build", "--no-isolation", "--outdir")
    run(*build, folder / "dist", "sources", folder=folder)  # a source archive, and a wheel of what is in it
    run(*build, folder / "direct", "--wheel", "sources", folder=folder)
    stem = f"raysat-{raysat.__version__}"
    assert {file.name for file in (folder / "dist").iterdir()} == {f"{stem}.tar.gz", f"{stem}-py3-none-any.whl"}
    wheel = f"{stem}-py3-none-any.whl"
    return {"sdist": folder / "dist" / f"{stem}.tar.gz", "wheel": folder / "dist" / wheel} | {
        "direct": folder / "direct" / wheel
    }


@pytest.fixture(name="installed", scope="module")
def _installed(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and nothing else in it."""
    folder = tmp_path_factory.mktemp("installed")
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target")
    run(*pip, folder, archives["wheel"], folder=folder.parent)
    return folder


@pytest.fixture(name="alone")
def _alone(installed: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs raysat as the wheel has it, in a folder that is empty, with a cache that is empty."""
    (tmp_path / "empty").mkdir()
    where = {"PYTHONPATH": str(installed), "RAYSAT_CACHE": str(tmp_path / "cache")}
    return lambda *words: run(*words, folder=tmp_path / "empty", **where)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(wheel: Path) -> Message:
    (text,) = (text for name, text in contents(wheel).items() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(text)


@pytest.mark.slow
def test_the_wheel_holds_the_package_as_git_has_it_and_nothing_else(archives: Archives) -> None:
    held = {name: text for name, text in contents(archives["wheel"]).items() if ".dist-info/" not in name}
    assert sorted(held) == sorted(tracked("raysat"))
    assert [name for name, text in held.items() if (ROOT / name).read_bytes() != text] == []


@pytest.mark.slow
def test_the_wheel_of_the_source_archive_is_that_of_the_sources(archives: Archives) -> None:
    assert contents(archives["wheel"]) == contents(archives["direct"])
    with tarfile.open(archives["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "PACKAGE.md", "CITATION.cff", "constraints.txt"} <= names
    assert {name.partition("/")[0] for name in names}.isdisjoint({"tests", "docs", "benchmarks", "runs", "reports"})


@pytest.mark.slow
def test_an_index_takes_them(archives: Archives) -> None:
    said = run("-m", "twine", "check", "--strict", archives["sdist"], archives["wheel"], folder=ROOT)
    assert said.count("PASSED") == 2


@pytest.mark.slow
def test_what_is_said_of_the_package(archives: Archives) -> None:
    said = metadata(archives["wheel"])
    assert said["Version"] == raysat.__version__
    assert said["License-Expression"] == "Apache-2.0"
    pythons = {re.findall(r"3\.\d+$", each)[0] for each in said.get_all("Classifier", []) if "3." in each}
    assert pythons >= {"3.11"}
    assert all(f"{each}" >= said["Requires-Python"].removeprefix(">=") for each in pythons)
    described = said.get_payload()
    assert isinstance(described, str)
    assert "raysat ablate --space quickstart" in described
    links = re.findall(r"\]\(([^)]+)\)", described)
    assert [link for link in links if not link.startswith("https://")] == [], "they lead nowhere on an index's page"


@pytest.mark.slow
def test_the_wheel_alone_plans_what_ships_in_an_empty_folder(
    alone: Callable[..., str], installed: Path, tmp_path: Path
) -> None:
    assert alone("-c", "import raysat; print(raysat.__file__)").strip() == str(installed / "raysat" / "__init__.py")
    assert alone("-m", "raysat", "--version").split()[-1] == raysat.__version__
    planned = alone("-m", "raysat", "plan", "--space", "quickstart")
    assert "study      quickstart on demo: 448 train / 64 val / 512 test patches" in planned
    assert "32 trials, 384 epochs" in planned
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.slow
def test_the_types_of_the_public_functions_are_known_from_outside(alone: Callable[..., str], tmp_path: Path) -> None:
    """As mypy --strict sees the installed wheel: ``py.typed`` is there, and no function is Any or returns it."""
    names = [name for name in raysat.__all__ if name[0].islower()]
    lines = ["import raysat", *(f"reveal_type(raysat.{name})" for name in names)]
    (tmp_path / "empty" / "script.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = alone("-m", "mypy", "--strict", "--config-file=", "--no-incremental", "script.py")
    revealed = re.findall(r"^script\.py:\d+: note: Revealed type is \"(.*)\"$", said, flags=re.MULTILINE)
    assert len(revealed) == len(names) > 30
    of = dict(zip(names, revealed, strict=True))
    assert {name: kind for name, kind in of.items() if not kind.startswith(("def ", "Overload("))} == {}
    loose = {name: kind.partition("-> ")[2] for name, kind in of.items() if re.search(r"-> .*\bAny\b", kind)}
    assert loose == dict.fromkeys(("search_schema", "study_schema"), "dict[str, Any]"), "documents of JSON, no others"


def test_the_version_is_said_once_and_cited() -> None:
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+"$', (ROOT / "raysat" / "__init__.py").read_text(), re.MULTILINE)
    assert f"\n## {raysat.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert (ROOT / "SECURITY.md").is_file()
    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(cited["version"]) == raysat.__version__


def test_the_citation_keeps_the_rules_of_its_format() -> None:
    """Version 1.2.0 of the Citation File Format: what it needs, and of what is written the keys and kinds."""
    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    texts = {"cff-version", "message", "title", "abstract", "type", "version", "license"}
    assert {"cff-version", "message", "title", "authors"} <= set(cited) <= texts | {"authors", "keywords", "references"}
    assert all(isinstance(cited[key], str) and cited[key] for key in texts)
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert len(set(cited["keywords"])) == len(cited["keywords"])
    for work in cited["references"]:
        assert {"type", "title", "authors"} <= set(work) <= {"type", "title", "authors", "year", "notes", "url", "doi"}
        assert isinstance(work["year"], int)
    for author in [*cited["authors"], *(author for work in cited["references"] for author in work["authors"])]:
        assert author
        assert set(author) <= PERSON or ("name" in author and set(author) <= ENTITY)
