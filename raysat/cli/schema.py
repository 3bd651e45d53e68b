"""The ``raysat schema`` command: the JSON Schema by which editors complete and check study and search files."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--search", is_flag=True, help="Of a search file, for raysat tune, in place of a study file.")
def schema(search: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of a study file, by which an editor completes and checks it."""
    from raysat.search.schema import search_schema
    from raysat.study.schema import study_schema

    click.echo(json.dumps(search_schema() if search else study_schema(), indent=2))
