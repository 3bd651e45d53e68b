"""One arm of a study, and where the study's file sets what it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from raysat.config.schema import Config
from raysat.errors import UsageError

_SETTING: Final = re.compile(r"[a-z]+\.[a-z_0-9]+")  # with which the message of an error about one begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One configuration, to be run with every seed."""

    name: str
    config: Config
    in_grid: bool = False  # a combination of the grid, not a named row
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # of its settings, by dotted key

    @contextmanager
    def located(self) -> Iterator[None]:
        """Name the arm in an error that is raised within, and the place of the setting with which its message begins.

        What is wrong on a store alone, such as a band that it does not have, is found long after the file is read.
        """
        try:
            yield
        except UsageError as error:
            key = _SETTING.match(error.message)
            place = key and (self.places.get(key[0]) or self.places.get(key[0].partition(".")[0]))
            told = f"{place}: {error.message} (arm {self.name!r})" if place else f"arm {self.name!r}: {error.message}"
            raise type(error)(told, hint=error.hint) from None
