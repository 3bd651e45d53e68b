"""``--json``: stdout holds one document and nothing else; what a command says beside it goes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from raysat.cli.settings import current

if TYPE_CHECKING:
    from raysat.documents.base import Document

_STDOUT: Final = "raysat.cli.documents.stdout"  # of the click context


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--json``; it gets it as ``as_json``, and prints with ``write`` where that is set."""

    @wraps(command)
    def told(*args: Any, as_json: bool, **given: Any) -> Any:
        if not as_json:
            return command(*args, as_json=False, **given)
        click.get_current_context().meta[_STDOUT] = sys.stdout
        current.json = True
        with redirect_stdout(sys.stderr):
            return command(*args, as_json=True, **given)

    return click.option("--json", "as_json", is_flag=True, help="Print a JSON document alone; docs/json.md.")(told)


def write(document: Document, *, line: bool = False) -> None:
    """Write a document where the command's stdout goes.

    Args:
        document: what to write.
        line: on one line, as one of several.
    """
    from raysat.documents.base import document_json

    stdout = click.get_current_context().meta[_STDOUT]
    if stdout is None:  # it is closed
        return
    stdout.write(document_json(document, line=line))
    stdout.flush()
