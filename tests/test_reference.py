"""``docs/configuration.md`` and the shipped JSON Schemas are what the package says of itself."""

import runpy
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT, SPACES

NAMES = ("configuration.md", "metrics.md", "search.schema.json", "study.schema.json")


@pytest.fixture(scope="module", name="pages")
def _pages() -> dict[str, tuple[Path, str]]:
    written = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))["pages"]()
    return {path.name: (path, text) for path, text in written.items()}


def test_each_page_is_checked_here(pages: dict[str, tuple[Path, str]]) -> None:
    assert sorted(pages) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_current(pages: dict[str, tuple[Path, str]], name: str) -> None:
    path, text = pages[name]
    assert path.read_text(encoding="utf-8") == text, "python docs/write_reference.py --write"


@pytest.mark.parametrize("file", sorted(SPACES.glob("*.yaml")), ids=lambda file: file.name)
def test_a_shipped_file_names_its_schema(file) -> None:
    text = file.read_text(encoding="utf-8")
    kind = "search" if "\nsearch:" in text else "study"
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={kind}.schema.json"
    assert (file.parent / f"{kind}.schema.json").is_file()
