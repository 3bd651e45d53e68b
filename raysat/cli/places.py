"""Places on the command line: a path of a disk, or a URL that leads to one or into an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from raysat.files import AnyPath


class _Place(click.ParamType["AnyPath"]):
    """A path of a disk, or a URL that leads to one or into an object store."""

    name = "path|url"

    def __init__(self, kind: click.Path) -> None:
        self._kind = kind

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyPath:
        from raysat.files import ObjectPath, as_path

        path = as_path(value)
        if not isinstance(path, ObjectPath):
            self._kind.convert(path, param, ctx)
        return path

    @override
    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return self._kind.shell_complete(ctx, param, incomplete)


# What may not be read is said where it is read, as everything else of a file.
FILE = _Place(click.Path(dir_okay=False, readable=False))
FOLDER = _Place(click.Path(file_okay=False, readable=False))
