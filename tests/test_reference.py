"""``docs/configuration.md`` and the shipped JSON Schemas are what the package says of itself."""

import runpy

import pytest

from tests.helpers.paths import ROOT, SPACES

WRITE = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))
PAGES = {path.name: (path, text) for path, text in WRITE["pages"]().items()}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    path, text = PAGES[name]
    assert path.read_text(encoding="utf-8") == text, "python docs/write_reference.py --write"


@pytest.mark.parametrize("file", sorted(SPACES.glob("*.yaml")), ids=lambda file: file.name)
def test_a_shipped_file_names_its_schema(file) -> None:
    text = file.read_text(encoding="utf-8")
    kind = "search" if "\nsearch:" in text else "study"
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={kind}.schema.json"
    assert (file.parent / f"{kind}.schema.json").is_file()
