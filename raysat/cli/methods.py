"""The ``raysat methods`` command: what can be configured, and what each of it does."""

from __future__ import annotations

import click

from raysat.cli.commands import command
from raysat.cli.completers import method_names
from raysat.cli.console import console
from raysat.cli.documents import json_option, write
from raysat.cli.options import plugins_loaded


@command(
    "raysat methods",
    "raysat methods ldam",
    short="List the methods that a study can compare",
)
@click.argument("name", required=False, shell_complete=method_names)
@json_option
@plugins_loaded
def methods(name: str | None, as_json: bool) -> None:
    """List the methods that a study can compare; with NAME, say when to use one, its cost, its paper, its settings.

    NAME is a method, such as ldam, or a section of a study, such as loss.
    """
    from raysat.config.describe import methods as find
    from raysat.config.describe import sections
    from raysat.views.methods import show_methods, show_sections

    if as_json:
        from raysat.views.json.methods import methods_document

        write(methods_document(find(name)))
    elif name is None:
        show_sections(sections(), console())
    else:
        show_methods(find(name), console())
