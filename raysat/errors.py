"""Every error a user can meet; each says what is wrong, where, and what to do next.

    RaysatError                  exit code 1: the work failed
    |-- UsageError               exit code 2: the request is wrong, nothing was started
    |   |-- StudyError           a study file: names file and line
    |   |-- BandError            bands that a sensor or a store does not have
    |   |-- PlanError            a study that cannot run on this store
    |   `-- PluginError          a plugin that cannot be used: names its file and line
    |-- DataError                exit code 2: input data that cannot be read or trusted
    |   `-- StoreError           a patch store that is missing, half-written or of another format
    |-- StorageError             exit code 2: files of a run that are missing, damaged or cannot be trusted
    |   |-- FormatError          a file of a format that this raysat does not know
    |   |-- DeniedError          files that this user may not read: there may be results behind them
    |   |-- DiskError            exit code 3: a disk that cannot be written, locked or read
    |   `-- BusyError            exit code 3: another raysat fills the run
    |-- TrainingError            exit code 1: a trial that cannot go on
    |   |-- DivergedError        the loss became NaN or infinite
    |   `-- DownloadError        exit code 3: pretrained weights or data sets that cannot be had
    |-- ExportError              exit code 1: a trained model that a format cannot hold
    |-- InstallationError        exit code 3: a package that raysat needs cannot be imported
    |-- ClusterError             exit code 3: Ray cannot be reached or started
    `-- TrackerError             exit code 3: a tracker (MLflow, TensorBoard, W&B) that cannot be sent to

The command line prints ``error: <message>`` and, where there is one, ``hint: <hint>``; a traceback is shown with
``--debug`` alone. A message is one line of bounded length without control characters, whatever file its text is from;
so is each line of a hint, which has several where it lists what there is to choose from.
What is raised are templates, since Python and the command line have different words: ``{--seeds}`` is the parameter
``seeds`` or the option ``--seeds``, ``{raysat tune}`` the function ``raysat.tune`` or the command.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from raysat.formatting import elide_line

EXIT_CODES: Final = {  # of a command
    0: "done",
    1: "work failed: a trial, or a check that found damage",
    2: "the request or a file is wrong",
    3: "the environment failed: Ray, a disk, the network, memory, what is installed",
    130: "stopped by Ctrl-C or a closed terminal",
    141: "the reader of the output has left, as head does",
    143: "stopped by SIGTERM",
}
_LONGEST: Final = 500  # characters of a message, and of a hint
_WORD: Final = re.compile(r"\{(--[a-z-]+|raysat [a-z-]+(?: [a-z]+)?)\}")
_PLUGIN: Final = re.compile(r"\{--plugin\}(?: ([A-Za-z0-9._-]+\.py|FILE)\b)?")  # a call, which takes the file along
_IN_PYTHON: Final = {  # what is not called as its option or command
    "--set": "overrides",
    "--combination": "combinations",
    "--from": "from_",
    "raysat check-plugin": "raysat.check_plugin",
    "raysat data import": "raysat.import_geotiff or its like",
    "raysat status": "Run.status",
}


class RaysatError(Exception):
    """Base of every error raised on purpose. ``hint`` says what to do next, in lines; a traceback ends with it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | Sequence[str] | None = None) -> None:
        message = elide_line(message, _LONGEST)
        lines = [hint] if isinstance(hint, str) else hint or []
        hint = "\n".join(elide_line(line, _LONGEST) for line in lines) or None
        super().__init__(message)
        self.template = message
        self.hint_template = hint
        self.message = _in_python(message)
        self.hint = None if hint is None else _in_python(hint)
        if hint:
            self.add_note(f"hint: {self.hint}")

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the hint when an error crosses a process (keyword arguments are lost by the default)."""
        lines = self.hint_template and self.hint_template.split("\n")
        return partial(type(self), hint=lines), (self.template,)


class UsageError(RaysatError):
    """The request is wrong; nothing was started."""

    exit_code = 2


class StudyError(UsageError):
    """A study file that cannot be understood; the message begins with ``file:line``."""


class BandError(UsageError):
    """Bands that a sensor or a store does not have."""


class PlanError(UsageError):
    """A study that cannot run on this store."""


class PluginError(UsageError):
    """A plugin that cannot be used, or fails; where it is the plugin's code, the message begins with ``file:line``."""


class DataError(RaysatError):
    """Input data that cannot be read or trusted; names file, record or row, and cause."""

    exit_code = 2


class StoreError(DataError):
    """A patch store that is missing, half-written or of another format."""


class StorageError(RaysatError):
    """Files of a run, or of a report, that are missing, damaged or cannot be trusted."""

    exit_code = 2


class FormatError(StorageError):
    """A file of a format that this raysat does not know: another one wrote it, and it is neither used nor replaced."""


class DeniedError(StorageError):
    """Files that this user may not read: what they hold is not known, so they are neither missing nor damaged."""


class DiskError(StorageError):
    """A disk that cannot be written, locked or read; what was finished is kept."""

    exit_code = 3


class BusyError(StorageError):
    """Another raysat fills the run."""

    exit_code = 3


class TrainingError(RaysatError):
    """A trial that cannot go on."""


class DivergedError(TrainingError):
    """The loss became NaN or infinite."""


class DownloadError(TrainingError):
    """Pretrained weights or data sets that cannot be had."""

    exit_code = 3


class ExportError(RaysatError):
    """A trained model that a format cannot hold, or does not hold as it is."""


class InstallationError(RaysatError):
    """A package that raysat needs cannot be imported."""

    exit_code = 3


class ClusterError(RaysatError):
    """Ray cannot be reached or started."""

    exit_code = 3


class TrackerError(RaysatError):
    """A tracker that cannot be sent to; the run has everything still, and can be sent later."""

    exit_code = 3


@contextmanager
def prefixed(prefix: str, kind: type[RaysatError] = UsageError) -> Iterator[None]:
    """Begin the message of an error of this kind that is raised within by what it is about: ``arm 'x': ...``."""
    try:
        yield
    except kind as error:
        raise type(error)(f"{prefix}: {error.template}", hint=error.hint_template) from None


def with_options(template: str) -> str:
    """Write a message or hint for the command line: ``{--seeds}`` is ``--seeds``, ``{raysat tune}`` ``raysat tune``."""
    return _WORD.sub(r"\1", template)


def _in_python(template: str) -> str:
    """Write a message or hint for Python: ``{--rank-by}`` is ``rank_by``, ``{raysat tune}`` ``raysat.tune``."""
    template = _PLUGIN.sub(lambda word: f'raysat.load_plugin("{_file(word[1])}")', template)
    return _WORD.sub(lambda word: _IN_PYTHON.get(word[1], _identifier(word[1])), template)


def _file(given: str | None) -> str:
    return "FILE.py" if given in (None, "FILE") else given


def _identifier(word: str) -> str:
    return word.removeprefix("--").replace("-", "_").replace(" ", ".")


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Return the nearest known word, whatever its case, or None where nothing is near."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(word).lower(), list(by_lower), n=1)
    return by_lower[near[0]] if near else None


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """Return ``did you mean 'x'?`` for the nearest known word, or None where nothing is near."""
    near = nearest(word, known)
    return None if near is None else f"did you mean {near!r}?"


def suggest(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return the hint on an unknown word: ``did you mean 'x'?`` or, where nothing is near, all known ones.

    Args:
        word: what was given.
        known: what there is.
        otherwise: the hint where nothing is near, in place of ``known: x, y, z``.
    """
    words = list(known)
    return did_you_mean(word, words) or otherwise or f"known: {', '.join(words)}"
