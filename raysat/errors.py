"""Every error a user can meet; each says what is wrong, where, and what to do next.

    RaysatError                  exit code 1: the work failed
    |-- UsageError               exit code 2: the request is wrong, nothing was started
    |   |-- StudyError           a study file: names file and line
    |   |-- BandError            bands that a sensor or a store does not have
    |   `-- PlanError            a study that cannot run on this store
    |-- DataError                input data that cannot be read or trusted
    |   `-- StoreError           a patch store that is missing, half-written or of another format
    |-- StorageError             files of a run, or of a report, that cannot be read or written
    |   `-- FormatError          a file of a format that this raysat does not know
    |-- TrainingError            a trial that cannot go on
    |   `-- DivergedError        the loss became NaN or infinite
    `-- ClusterError             Ray cannot be reached or started

The command line prints ``error: <message>`` and, where there is one, ``hint: <hint>``; a traceback is shown with
``--debug`` alone. A message calls a parameter ``{--seeds}``: from Python it reads ``seeds``, on the command line
``--seeds``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

_PARAMETER: Final = re.compile(r"\{--([a-z-]+)\}")
_IN_PYTHON: Final = {"set": "overrides"}  # parameters that are not called as their option


class RaysatError(Exception):
    """Base of every error raised on purpose. ``hint`` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message with parameters by their names in Python."""
        return _PARAMETER.sub(
            lambda option: _IN_PYTHON.get(option[1], option[1].replace("-", "_")),
            self.message,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the hint when an error crosses a process (keyword arguments are lost by the default)."""
        return partial(type(self), hint=self.hint), (self.message,)


class UsageError(RaysatError):
    """The request is wrong; nothing was started."""

    exit_code = 2


class StudyError(UsageError):
    """A study file that cannot be understood; the message begins with ``file:line``."""


class BandError(UsageError):
    """Bands that a sensor or a store does not have."""


class PlanError(UsageError):
    """A study that cannot run on this store."""


class DataError(RaysatError):
    """Input data that cannot be read or trusted; names file, record or row, and cause."""


class StoreError(DataError):
    """A patch store that is missing, half-written or of another format."""


class StorageError(RaysatError):
    """Files of a run, or of a report, that cannot be read or written."""


class FormatError(StorageError):
    """A file of a format that this raysat does not know: another one wrote it, and it is neither used nor replaced."""


class TrainingError(RaysatError):
    """A trial that cannot go on."""


class DivergedError(TrainingError):
    """The loss became NaN or infinite."""


class ClusterError(RaysatError):
    """Ray cannot be reached or started."""


@contextmanager
def prefixed(prefix: str, kind: type[RaysatError] = UsageError) -> Iterator[None]:
    """Begin the message of an error of this kind that is raised within by what it is about: ``arm 'x': ...``."""
    try:
        yield
    except kind as error:
        raise type(error)(f"{prefix}: {error.message}", hint=error.hint) from None


def with_options(text: str) -> str:
    """Write a message or hint for the command line: ``{--seeds}`` is ``--seeds``."""
    return _PARAMETER.sub(r"--\1", text)


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
