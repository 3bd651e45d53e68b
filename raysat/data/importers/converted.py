"""What the files of other tools are: as the user says, else as ``raysat data convert`` wrote it beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.exporters.description import Description
from raysat.data.places import Place, Places
from raysat.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a user says of files; names count before those that the files say themselves."""

    bands: Sequence[str] = ()  # names in order
    sensor: str | None = None  # that these are of
    classes: Sequence[str] = ()  # names in the order of their numbers
    ordinal: bool = False  # whether this order has a meaning, where the files do not say it


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of files before a patch is read."""

    bands: tuple[str, ...]
    sensor: str | None
    classes: tuple[str, ...]  # none where nothing names them
    ordinal: bool
    told: Description | None  # None where another tool wrote the files

    @classmethod
    def of(cls, told: Description | None, given: Given) -> Known:
        """What files are that say something of themselves, or nothing. Raises UsageError where nothing names bands."""
        if given.bands:
            bands, sensor = tuple(given.bands), given.sensor
        elif told is not None:
            bands, sensor = told.bands, told.sensor
        else:
            raise UsageError(
                "the bands of the files are not named", hint="use {--sensor} sentinel2, or {--bands} R,G,B"
            )
        return cls(
            bands=bands,
            sensor=sensor,
            classes=tuple(given.classes) or (told.classes if told else ()),
            ordinal=told.ordinal if told else given.ordinal,
            told=told,
        )

    def check_classes(self, what: str) -> None:
        """Raise UsageError where nothing names the classes of what has numbers alone."""
        if not self.classes:
            hint = "use {--classes}, in order of their numbers"
            raise UsageError(f"the classes of the {what} are not named", hint=hint)

    def facts(self) -> dict[str, Any]:
        """Arguments of ``PatchSource``: these, and what a converted store keeps."""
        named = {"bands": self.bands, "sensor": self.sensor, "classes": self.classes, "ordinal": self.ordinal}
        if self.told is None:
            return named
        kept = {"keep_splits": True, "generated": self.told.generated, "facts": {"converted_from": self.told.kind}}
        return named | kept | {"grouping": self.told.grouping}

    def place(self, places: Places | None, name: str) -> Place | None:
        """Where a patch lies, if that is known.

        Args:
            places: of the store that was converted, where it has any.
            name: of the patch: its position there, unless another tool has named it.
        """
        number = _position(name)
        if places is None or self.told is None or not 0 <= number < len(places):
            return None
        return places.of(number, self.told.pixel_size)

    def group(self, groups: npt.NDArray[np.int64] | None, name: str) -> str | None:
        """The group of a patch, if that is known.

        Args:
            groups: of the store that was converted, where it has any, (N,).
            name: as of ``place``.
        """
        number = _position(name)
        return str(int(groups[number])) if groups is not None and 0 <= number < len(groups) else None


def _position(name: str) -> int:
    """The position that is a patch's name; -1 where that is none."""
    return int(name) if name.isdigit() and len(name) < 19 and name.isascii() else -1


NOTHING: Final = Given()


def in_order(name: str) -> tuple[int, str]:
    """What sorts names that are positions, filled with zeros to seven digits, of which there may be more."""
    return len(name), name
