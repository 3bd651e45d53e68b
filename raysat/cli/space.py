"""The option ``--space`` of commands: a study or a search, by its file, its URL, or the name of one that ships."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click
from typing_extensions import override

from raysat.cli.completers import studies

if TYPE_CHECKING:
    from raysat.files import AnyPath


class _Space(click.ParamType["AnyPath"]):
    """Checked where it is read: a folder called like a study that ships is none, as runs are called so."""

    name = "name|path|url"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyPath:
        from raysat.files import as_path

        return as_path(value)


SPACE: Final = _Space()


def space_option(what: str, example: str = "quickstart") -> Callable[..., Any]:
    """Give a command ``--space``, which it needs; ``what`` is a study or a search, ``example`` one that ships."""
    told = f"The {what}: a YAML file, its URL, or the name of one that ships with raysat, such as {example}."
    return click.option("--space", type=SPACE, required=True, help=told, shell_complete=studies)
