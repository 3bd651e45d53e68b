"""The ``raysat board`` command: one page of runs as they grow, for a browser of this machine."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.console import console
from raysat.cli.numbers import Whole
from raysat.cli.places import FOLDER
from raysat.cli.signals import INTERRUPTED
from raysat.errors import UsageError

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat board runs/study",
    "raysat board s3://BUCKET/runs/study --open",
    short="Serve a live page of runs as they train",
)
@click.argument("runs", type=FOLDER, nargs=-1, required=True, metavar="RUN...")
@click.option("--port", type=Whole(0, 65535), help="By default 8765, or another that is free; 0: any that is free.")
@click.option("--open", "opens", is_flag=True, help="Open the page in this user's browser.")
def board(runs: tuple[AnyPath, ...], port: int | None, opens: bool) -> int:
    """Serve a live page of runs and searches: how far they are, learning curves, the leaderboard, what failed.

    It reads their storage alone, so it works for a finished run, for another machine's (s3://...), and while training
    goes on; it writes nothing. The page is for this machine, and for whoever has its address, which holds a secret:
    from elsewhere, ssh -L 8765:127.0.0.1:8765 leads to it. Ctrl-C ends it.
    """
    from raysat.board.follow import check_run
    from raysat.board.serve import bind, opened, require_board, serve, url_of
    from raysat.board.token import new_token

    require_board()
    if len(set(map(str, runs))) < len(runs):
        raise UsageError("a run is named twice", hint="name each once")
    for run in runs:
        check_run(run)
    token = new_token()
    with bind(port) as listener:
        url = url_of(listener, token)
        screen = console()
        screen.print(f"board      {url}")
        screen.print("Ctrl-C ends it", style="dim")
        with opened(url) if opens else nullcontext():
            serve(runs, listener, token)
    return INTERRUPTED  # nothing else ends it
