"""The docs as a site: it builds without a warning, asks nobody for anything, and has every page and every function."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import raysat
from tests.helpers.doc_blocks import page_names
from tests.helpers.paths import ROOT

# What a browser fetches by itself, by tag and attribute; links are followed by people alone.
FETCHED = {
    "audio": "src", "embed": "src", "iframe": "src", "image": "href", "img": "src", "input": "src", "link": "href",
    "object": "data", "script": "src", "source": "src", "track": "src", "use": "href", "video": "src",
}  # fmt: skip


class Fetched(HTMLParser):
    """Collects what a page has a browser fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_address = tag == "link" and given.get("rel") in {"canonical", "next", "prev"}
        if not is_address and (value := given.get(FETCHED.get(tag, ""))):
            self.found.append(value)
        self.found += re.findall(r"url\(['\"]?([^)'\"]+)", given.get("style") or "")


@pytest.fixture(scope="module", name="built")
def _built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def pages(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


@pytest.mark.slow
def test_it_builds_without_a_warning(built: tuple[Path, str]) -> None:
    assert "WARNING" not in built[1]
    assert "ERROR" not in built[1]


@pytest.mark.slow
def test_every_page_is_there_and_in_the_navigation(built: tuple[Path, str]) -> None:
    named = {name.removeprefix("docs/").removesuffix(".md") for name in page_names()}
    expected = {name.lower() if name.isupper() else name for name in named - {"PACKAGE", "README"}}
    assert {f"{name}.html" for name in expected | {"index", "notebook"}} <= set(pages(built[0]))
    not_in_nav = re.findall(r"^  - (\S+)$", built[1].split("not included in the")[-1], flags=re.MULTILINE)
    assert [name for name in not_in_nav if not name.startswith("source/")] == []


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(built: tuple[Path, str]) -> None:
    found = {name: Fetched(text).found for name, text in pages(built[0]).items()}
    assert all(len(fetched) > 3 for name, fetched in found.items() if not name.startswith("source/reports"))
    assert [
        (name, each)
        for name, fetched in found.items()
        for each in fetched
        if re.match(r"(?:[a-z]+:)?//", each, re.IGNORECASE)
    ] == []
    for style in built[0].rglob("*.css"):
        urls = re.findall(r"(?:url\(|@import )['\"]?([^)'\"; ]+)", style.read_text(encoding="utf-8"))
        assert [url for url in urls if re.match(r"(?:https?:)?//", url)] == [], style.name
    for name, text in pages(built[0]).items():
        assert 'class="mermaid"' not in text, f"{name}: Mermaid's script would be fetched"
    assert 'class="flowchart"' in (built[0] / "architecture.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_public_name_is_in_the_reference(built: tuple[Path, str]) -> None:
    page = (built[0] / "api.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="raysat\.(\w+)"', page)) | set(
        re.findall(r'id="raysat(?:\.\w+)*\.(\w+)" class="doc', page)
    )
    assert set(raysat.__all__) <= shown
    listed = re.findall(r"^::: raysat\.(\w+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(raysat.__all__)


@pytest.mark.slow
def test_files_of_the_repository_are_pages(built: tuple[Path, str]) -> None:
    page = (built[0] / "study.html").read_text(encoding="utf-8")
    (link,) = set(re.findall(r'href="(source/search_spaces/quickstart\.yaml[^"]*)"', page))
    assert "test_resnet" in (built[0] / link).read_text(encoding="utf-8")
    assert "load_study" in (built[0] / "notebook.html").read_text(encoding="utf-8")


def test_a_link_that_is_fetched_is_found() -> None:
    text = '<script src="https://a/x.js"></script><link rel="stylesheet" href="//b/y.css"><a href="https://c">c</a>'
    assert Fetched(text).found == ["https://a/x.js", "//b/y.css"]
