"""Writes ``configuration.md``, tables of ``metrics.md`` and the JSON Schemas, from what the package says of itself.

python docs/write_reference.py            # says which of them is not current; exit code 1 where one is not
python docs/write_reference.py --write    # writes them anew
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML

from raysat.config.describe import MethodInfo, SectionInfo, SettingInfo, sections
from raysat.execution.monitoring.catalog import METRICS
from raysat.reporting.render.markdown import escape
from raysat.search.keys import SEARCH_KEYS
from raysat.search.options import SearchOptions
from raysat.search.schema import search_schema
from raysat.study.distribution import DISTRIBUTIONS
from raysat.study.keys import STUDY_KEYS
from raysat.study.schema import study_schema

ROOT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    old = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in old:
        if write:
            path.write_text(pages()[path], encoding="utf-8")
        else:
            print(f"{path.relative_to(ROOT)} is not current: python docs/write_reference.py --write")
    return 0 if write or not old else 1


def pages() -> dict[Path, str]:
    """Each file that is written, and its text."""
    return {
        ROOT / "docs" / "configuration.md": "\n\n".join(reference()) + "\n",
        ROOT / "docs" / "metrics.md": metrics_page((ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")),
        ROOT / "search_spaces" / "study.schema.json": json.dumps(study_schema(), indent=2) + "\n",
        ROOT / "search_spaces" / "search.schema.json": json.dumps(search_schema(), indent=2) + "\n",
    }


def reference() -> Iterator[str]:
    """The paragraphs of ``configuration.md``."""
    yield "# Configuration"
    yield (
        "What a study file (`raysat ablate`) and a search file (`raysat tune`) may say; `raysat methods` shows the "
        "same in a terminal. `raysat schema` prints the JSON Schema by which an editor completes and checks such a "
        "file: keep it beside the file, and begin the file with `# yaml-language-server: "
        "$schema=study.schema.json`. Written by `docs/write_reference.py`; a test keeps it current."
    )
    yield "## A study file"
    yield _keys(STUDY_KEYS, "key")
    yield "## The sections of a configuration"
    yield (
        "`base`, each arm and the axes of a grid are made of these. A section that leaves `kind` out has the kind of "
        "what it is laid over, and in `base` the first one here. `optim.lr` is one key by its dotted name."
    )
    for section in sections():
        yield from _section(section, "###")
    yield "## A search file"
    yield _keys(SEARCH_KEYS, "key")
    yield "The values that a parameter may take:"
    yield _keys(DISTRIBUTIONS, "distribution")
    for section in sections(SearchOptions):
        yield from _section(section, "###")


def metrics_page(page: str) -> str:
    """The page on metrics with its tables written anew."""
    rules = YAML(typ="safe").load(ROOT / "deploy" / "prometheus" / "alerts.yml")["groups"][0]["rules"]
    names = [
        (f"`{m.series}`", m.kind, ", ".join(f"`{label}`" for label in m.labels), m.unit, escape(m.meaning), m.exporter)
        for m in METRICS
    ]
    said = [(rule["alert"], rule["annotations"]) for rule in rules]
    alerts = [(f"`{name}`", _in_words(notes["summary"]), notes["action"]) for name, notes in said]
    tables = {
        "names": _table(("name", "kind", "labels", "unit", "what it is", "from the"), names),
        "alerts": _table(("alert", "what it says", "what to do"), alerts),
    }
    for name, table in tables.items():
        before, mark, after = re.split(rf"(<!-- {name}: [^>]*-->\n)", page)
        page = f"{before}{mark}\n{table}\n\n{after[after.index('<!-- end -->') :]}"
    return page


def _in_words(summary: str) -> str:
    """An alert's line with its labels as words: ``{{ $labels.study }}`` is STUDY, its number N."""
    return re.sub(r"\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}", lambda found: found[1].upper().replace("VALUE", "N"), summary)


def _section(section: SectionInfo, level: str) -> Iterator[str]:
    yield f"{level} `{section.name}`"
    yield f"{escape(section.summary)}."
    for method in section.methods:
        if method.name != section.name:
            yield f"{level}# `{section.name}: {{kind: {method.name}}}`"
            yield escape(f"{method.summary}.")
        yield from _method(method)


def _method(method: MethodInfo) -> Iterator[str]:
    if method.details:
        yield escape(method.details)
    said = (("Use", method.use), ("Cost", method.cost), ("Paper", method.paper))
    if lines := [f"- **{label}:** {escape(text)}" for label, text in said if text]:
        yield "\n".join(lines)
    if method.settings:
        yield _settings(method.settings)


def _settings(settings: Sequence[SettingInfo]) -> str:
    rows = [(f"`{s.name}`", f"`{s.default}`", f"`{s.range}`", escape(s.description)) for s in settings]
    return _table(("setting", "default", "range", "description"), rows)


def _keys(keys: Mapping[str, str], heading: str) -> str:
    return _table((heading, "what it says"), [(f"`{key}`", escape(text)) for key, text in keys.items()])


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *rows))


if __name__ == "__main__":
    sys.exit(main())
