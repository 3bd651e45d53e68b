"""Errors of a plugin's own code as one line: its file and line number, what it raised, and what to do."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType

from raysat.config.plugins.source import PluginSource
from raysat.errors import PluginError, RaysatError
from raysat.formatting import one_line

_HINT = "correct the plugin; --debug shows the traceback"


@contextmanager
def plugin_faults(source: PluginSource | None, what: str) -> Iterator[None]:
    """Turn what a plugin's code raises within into one error that names its file and line.

    Args:
        source: of the plugin; None of settings that none was loaded for.
        what: was done, for an error that no line of the plugin is to blame for.

    Yields:
        Nothing; what is done within is watched.

    Raises:
        PluginError: the plugin raised something, or asked to end the process.
    """
    try:
        yield
    except RaysatError:
        raise
    except (Exception, SystemExit) as error:
        name, line = source.place if source else "the plugin", _line(error, source)
        where = f"{name}:{line}" if line else f"{name}: {what}"
        cause = one_line((str(error).splitlines() or [""])[0])
        raise PluginError(f"{where}: {type(error).__name__}{cause and f': {cause}'}", hint=_HINT) from error


def located(source: PluginSource, line: int | None, message: str, hint: str) -> PluginError:
    """Make an error about a place of a plugin.

    Args:
        source: of the plugin.
        line: of its text; None for the whole.
        message: what is wrong there.
        hint: what to do.

    Returns:
        The error.
    """
    return PluginError(f"{source.place}{f':{line}' if line else ''}: {message}", hint=hint)


def line_of(function: object) -> int | None:
    """The line where a function or a class's first function begins; None where that is not known."""
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if isinstance(code, CodeType) else getattr(function, "__firstlineno__", None)


def passed_through(error: BaseException, source: PluginSource) -> bool:
    """Whether an error passed through a line of a plugin."""
    return _line(error, source) is not None


def _line(error: BaseException, source: PluginSource | None) -> int | None:
    """The last line of the plugin that an error passed through."""
    if source is None:
        return None
    if isinstance(error, SyntaxError) and error.filename == source.place:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source.place]
    return lines[-1] if lines else None
