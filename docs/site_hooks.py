"""What makes the pages of ``docs/`` a site that stands alone: MkDocs calls these functions while it builds.

Pages link to files of the repository (``../search_spaces/quickstart.yaml``). On the site these are pages too, so that
it works from a disk, and wherever the repository lies. Mermaid would be fetched by the reader's browser: flow charts
are drawn here. The notebook is shown as its cells; ``CHANGELOG.md`` and others of the repository's root are pages.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from flowchart import to_svg  # MkDocs loads hooks by path, not as modules of a package

ROOT: Final = Path(__file__).parents[1]
ROOT_PAGES: Final = {  # of the repository's root, and what they are called on the site
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "examples/table2.ipynb": "notebook.md",
}
LATER: Final = {"board.md", "cli.md", "install.md", "json.md", "paper.md", "trackers.md"}  # shown where they are there
SHOWN: Final = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml", ".md": "markdown"}
_LINK: Final = re.compile(r"(?<!!)\[([^\]\n]*(?:\n[^\]\n]*)?)\]\(([^)\s:#]+)(#[^)\s]*)?\)")
_FENCE: Final = re.compile(r"^(?:`{3,}.*?^`{3,}|~{3,}.*?^~{3,})[^\n]*$", flags=re.MULTILINE | re.DOTALL)
_MERMAID: Final = re.compile(r"^```mermaid\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of the navigation the pages that are still to come."""
    config.nav = _present(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the repository's own pages, and those of the files that pages link to."""
    for name, page in ROOT_PAGES.items():
        if page != "index.md":
            files.append(File.generated(config, page, content=_root_page(name)))
    for source in sorted(set(_linked(config))):
        target = f"source/{source}"
        if source.endswith(".html"):
            files.append(File.generated(config, target, content=(ROOT / source).read_bytes()))
        else:
            files.append(File.generated(config, f"{target}.md", content=_source_page(source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Point links at pages of the site, and draw flow charts."""
    place = page.file.src_uri
    at = next((name for name, shown in ROOT_PAGES.items() if shown == place and shown != "index.md"), f"docs/{place}")
    if not place.startswith("source/"):
        markdown = _outside_fences(markdown, lambda text: _LINK.sub(lambda found: _link(found, at, place), text))
    return _MERMAID.sub(lambda found: to_svg(found[1]), markdown)


def _present(nav: list[Any], docs: Path) -> list[Any]:
    """The navigation without pages that are still to come."""
    kept: list[Any] = []
    for entry in nav:
        ((title, value),) = entry.items()
        if isinstance(value, list):
            kept.append({title: _present(value, docs)})
        elif value not in LATER or (docs / value).is_file():
            kept.append(entry)
    return kept


def _linked(config: MkDocsConfig) -> Iterator[str]:
    """The files outside ``docs/`` to which pages link."""
    docs = Path(config.docs_dir)
    pages = [*docs.glob("*.md"), *docs.glob("methods/*.md")] + [ROOT / n for n in ROOT_PAGES if n.endswith(".md")]
    for path in pages:
        if path.name == "README.md":
            continue
        text = _FENCE.sub("", path.read_text(encoding="utf-8"))
        for found in _LINK.finditer(text):
            target = _in_repository(found[2], path.relative_to(ROOT).as_posix())
            if not target.startswith("docs/") and target not in ROOT_PAGES and (ROOT / target).is_file():
                yield target


def _in_repository(link: str, at: str) -> str:
    """A link of the file at a path of the repository, as such a path."""
    return normpath(str(PurePosixPath(at).parent / link))


def _link(found: re.Match[str], at: str, place: str) -> str:
    """A link as the site has it: to a page of its own; a folder of the repository is named, without a link."""
    words, link, anchor = found[1], found[2], found[3] or ""
    target = _in_repository(link, at)
    if target in ROOT_PAGES:
        page = ROOT_PAGES[target]
        anchor = "" if page == "index.md" else anchor  # the README has sections of its own
    elif target.startswith("docs/"):
        page = target.removeprefix("docs/")
        if page.startswith("img") and (ROOT / target).is_dir():
            return words
    elif (ROOT / target).is_file():
        page = f"source/{target}" if target.endswith(".html") else f"source/{target}.md"
    elif (ROOT / target).is_dir():
        return words
    else:
        return found[0]  # a broken link, which MkDocs names
    return f"[{words}]({relpath(page, str(PurePosixPath(place).parent))}{anchor})"


def _outside_fences(text: str, change: Any) -> str:
    """Change what is outside blocks of code."""
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def _root_page(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    return _notebook(text) if name.endswith(".ipynb") else text


def _notebook(text: str) -> str:
    """The cells of a notebook one below the other."""
    cells = json.loads(text)["cells"]
    source = ["".join(cell["source"]) for cell in cells]
    shown = [
        words if cell["cell_type"] == "markdown" else f"```python\n{words}\n```"
        for cell, words in zip(cells, source, strict=True)
    ]
    note = "The cells of `examples/table2.ipynb`, which the tests execute. Open that file in Jupyter to run it."
    first, *rest = shown
    return "\n\n".join([first, note, *rest]) + "\n"


def _source_page(source: str) -> str:
    """A file of the repository as a page."""
    text = (ROOT / source).read_text(encoding="utf-8")
    return f"# {source}\n\n````{SHOWN.get(Path(source).suffix, 'text')}\n{text.rstrip()}\n````\n"
