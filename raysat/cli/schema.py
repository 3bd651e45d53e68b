"""The ``raysat schema`` command: JSON Schemas of files that people write, and of documents that raysat prints."""

from __future__ import annotations

import json

import click

from raysat.cli.commands import command
from raysat.documents.catalog import NAMES, document_model
from raysat.errors import UsageError


@command(
    "raysat schema > study.schema.json",
    short="Print the JSON Schema of a study for an editor",
)
@click.option("--search", is_flag=True, help="Of a search file, for raysat tune, in place of a study file.")
@click.option(
    "--of",
    "document",
    metavar="COMMAND",
    type=click.Choice(NAMES),
    help=f"Of what a command prints with --json: {', '.join(NAMES)}.",
)
def schema(search: bool, document: str | None) -> None:
    """Print the JSON Schema (draft 2020-12) of a study file, by which an editor completes and checks it.

    With --of that of a document: what the command of this name prints with --json, or the run's leaderboard.json.
    """
    if document is not None:
        from raysat.documents.base import document_schema

        if search:
            raise UsageError("{--search} and {--of} are of different files", hint="give one of them")
        click.echo(json.dumps(document_schema(document_model(document)), indent=2))
        return
    from raysat.search.schema import search_schema
    from raysat.study.schema import study_schema

    click.echo(json.dumps(search_schema() if search else study_schema(), indent=2))
