"""The options that every command takes, before its name or after it; each has a variable of the environment, too."""

from __future__ import annotations

from typing import Any, Final

import click

from raysat.cli.settings import current


def _set(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    """Take down what is given; what is not leaves what was given before the command's name."""
    if ctx.resilient_parsing or value is None or value is False:  # a shell only asks
        return
    match option.name:
        case "no_progress":
            current.progress = False
        case "log_file":
            from raysat.cli.log_file import LogFile

            if current.log is not None:
                current.log.close()
            current.log = LogFile(value)
        case "quiet":
            current.quiet = True
        case "color":
            current.color = value


_EVERYWHERE: Final[dict[str, Any]] = {"expose_value": False, "is_eager": True, "callback": _set}
SHARED: Final = (
    click.Option(
        ["--quiet", "-q"],
        is_flag=True,
        envvar="RAYSAT_QUIET",
        help="Print what was asked for, and errors, alone.",
        **_EVERYWHERE,
    ),
    click.Option(
        ["--no-progress"],
        is_flag=True,
        envvar="RAYSAT_NO_PROGRESS",
        help="Draw no bar and no live table.",
        **_EVERYWHERE,
    ),
    click.Option(
        ["--log-file"],
        type=click.Path(dir_okay=False, readable=False),
        envvar="RAYSAT_LOG_FILE",
        metavar="FILE",
        help="Append all that is printed, and every event, with times.",
        **_EVERYWHERE,
    ),
    click.Option(
        ["--color"],
        type=click.Choice(["auto", "always", "never"]),
        envvar="RAYSAT_COLOR",
        help="Use colours; auto: on a terminal.",
        **_EVERYWHERE,
    ),
    click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.", **_EVERYWHERE),
)
