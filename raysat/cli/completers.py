"""What a shell is told may follow: arms of a run or a study, studies, methods; no pandas, pydantic or torch for it.

A completion never fails and never prints: where a file cannot be read, nothing is offered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

_Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
_LARGEST: Final = 64_000_000  # bytes of a file that is read for it
_MOST: Final = 500  # words that a shell is offered
_SHIPPED: Final = Path(__file__).parents[1] / "search_spaces"


def _for_click(find: Callable[[click.Context, str], list[CompletionItem]]) -> _Completer:
    """Make what finds words what click asks: a parameter has no say in them."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return find(ctx, incomplete)

    return complete


@_for_click
def arms_of_run(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Names of the arms of the run, or runs, that the command line names before."""
    given = ctx.params.get("run") or ctx.params.get("runs") or ()
    runs = (*given, *ctx.args) if isinstance(given, tuple) else (given,)  # click leaves there what precedes the option
    plans = [_json(Path(str(run)) / "plan.json") for run in runs if "://" not in str(run)]
    arms = [arm.get("name") for plan in plans for arm in _list(plan, "arms") if isinstance(arm, dict)]
    return _starting(incomplete, arms)


@_for_click
def arms_of_study(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Names of the arms of the study of ``--space``, where that stands before; a grid names none."""
    space = ctx.params.get("space")
    return [] if space is None else _starting(incomplete, _named_arms(str(space)))


@_for_click
def studies(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """YAML files and folders, and the names of the studies that ship with raysat."""
    folder, _, begun = incomplete.rpartition("/")
    found: list[str] = []
    with suppress(OSError):
        for path in sorted(Path(f"{folder}/" if folder or incomplete.startswith("/") else ".").iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                found.append(f"{path.name}/")
            elif path.suffix in (".yaml", ".yml"):
                found.append(path.name)
    there = [f"{folder}/{name}" if "/" in incomplete else name for name in found if name.startswith(begun)]
    shipped = [] if "/" in incomplete else sorted(file.stem for file in _SHIPPED.glob("*.yaml"))
    return _starting(incomplete, [*there, *(name for name in shipped if name not in there)])


@_for_click
def method_names(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Sections of a study, and the methods of each, as the shipped schema has them."""
    found: dict[str, None] = {}
    schema = _json(_SHIPPED / "study.schema.json")
    for part in _parts(schema):
        kind = part.get("kind")
        if isinstance(kind, dict) and isinstance(kind.get("const"), str):
            found[kind["const"]] = None
    return _starting(incomplete, found)


@_for_click
def files(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Files, as the shell lists them."""
    return [CompletionItem(incomplete, type="file")]


@_for_click
def stores(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Folders, as the shell lists them, and ``demo``."""
    return [*_starting(incomplete, ["demo"]), CompletionItem(incomplete, type="dir")]


@_for_click
def sensors(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Names of sensors."""
    from raysat.data.sensors import SENSORS

    return _starting(incomplete, SENSORS)


@_for_click
def data_sets(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Names of public data sets."""
    from raysat.data.download.catalog import DATA_SETS

    return _starting(incomplete, DATA_SETS)


def _starting(incomplete: str, words: Iterable[Any]) -> list[CompletionItem]:
    """Words of one visible line that begin so; case does not matter."""
    begun = incomplete.lower()
    fit = (word for word in words if isinstance(word, str) and word.isprintable() and word.lower().startswith(begun))
    return [CompletionItem(word) for word, _ in zip(dict.fromkeys(fit), range(_MOST), strict=False)]


def _named_arms(space: str) -> list[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    shipped = _SHIPPED / f"{space}.yaml"
    path = shipped if not Path(space).is_file() and shipped.is_file() else Path(space)
    with suppress(OSError, ValueError, YAMLError, RecursionError):
        if path.stat().st_size <= _LARGEST:
            study = YAML(typ="safe").load(path)
            return list(study["arms"]) if isinstance(study, dict) and isinstance(study.get("arms"), dict) else []
    return []


def _json(path: Path) -> Any:
    with suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= _LARGEST:
            return json.loads(path.read_bytes())
    return None


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping within a value, itself among them."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(part)
