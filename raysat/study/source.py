"""Where a study or a search comes from: a file, the name of one that ships with raysat, or a mapping."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from raysat.config.arguments import checked
from raysat.config.plain import plain
from raysat.config.yaml_source import YamlValue, read_yaml
from raysat.errors import StudyError, did_you_mean
from raysat.files import AnyPath, ObjectPath, as_path, file_exists, reading
from raysat.formatting import one_line

Source = AnyPath | str | Mapping[str, Any]
_SENTENCE: Final = re.compile(r"(?<=[.:?])\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A study or search as it was given."""

    tree: YamlValue
    text: str  # YAML
    origin: str  # for messages: a path, or ``the mapping``
    stem: str  # names the study where it does not name itself


@checked
def read_source(source: Source) -> Document:
    """Read what a study is made of.

    Args:
        source: a path or a URL; the name of a study that ships with raysat, such as ``quickstart``, where there is no
            such file (a folder of that name is none: runs are called like their studies);
            or a mapping with the keys of a study file.

    Raises:
        StudyError: there is no such file, or it is not valid YAML; a mapping that a file cannot hold.
    """
    if isinstance(source, Mapping):
        return _read_mapping(source)
    path = as_path(source)
    if isinstance(path, ObjectPath):
        if not file_exists(path, StudyError):
            raise StudyError(f"{path}: no such object", hint="check its URL")
        tree, text = read_yaml(path)
        return Document(tree=tree, text=text, origin=one_line(str(path)), stem=path.stem)
    shipped = shipped_studies()
    with reading(path, error=StudyError):
        there, is_file = path.exists(), path.is_file()
    if str(source) in shipped and not is_file:
        path = shipped[str(source)]
    elif not there:
        near = did_you_mean(path.stem if path.suffix in (".yaml", ".yml") else path.name, shipped)
        raise StudyError(f"{one_line(str(path))}: no such file", hint=near or _what_ships(source, shipped))
    tree, text = read_yaml(path)
    return Document(tree=tree, text=text, origin=one_line(str(source)), stem=path.stem)


def shipped_studies() -> dict[str, Path]:
    """The studies and searches that ship with raysat, by name."""
    folder = Path(str(files("raysat"))) / "search_spaces"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def _what_ships(source: object, shipped: Mapping[str, Path]) -> str | list[str]:
    """Every study and search that ships: of what looks like a name a line each, with its first comment's sentence."""
    given = str(source)
    if "/" in given or "." in given:
        return f"check the path, or name a study that ships with raysat: {', '.join(shipped)}"
    width = max(map(len, shipped))
    lines = [f"  {name:<{width}}  {_first_sentence(file)}" for name, file in shipped.items()]
    return ["give a path, or the name of a study that ships with raysat:", *lines]


def _first_sentence(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("#").strip() for line in lines if line.startswith("#") and "$schema" not in line]
    by = " ({raysat tune})" if any(line.startswith("search:") for line in lines) else ""
    return _SENTENCE.split(" ".join(comments), maxsplit=1)[0].rstrip(".:") + by


def _read_mapping(source: Mapping[str, Any]) -> Document:
    tree = plain(source, "study")
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # arms keep their order
    yaml.dump(tree, out)
    return Document(tree=YamlValue(tree, {}, "study"), text=out.getvalue(), origin="the mapping", stem="study")
