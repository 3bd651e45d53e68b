"""The folds of a study that is trained on each of several splits of one store: ``folds`` in its file.

    folds: 5                                                           whole groups that the store knows, or its blocks
    folds: {number: 5, block: 10km, buffer: 1km, val: 0.15, seed: 0}   square blocks of the Earth, with a buffer between

Which store that is, --data says; ``data/fold_stores.py`` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from raysat.config import limits
from raysat.config.yaml_source import YamlValue
from raysat.data.groups import LEAST_BLOCK
from raysat.data.lengths import read_length
from raysat.errors import UsageError
from raysat.formatting import echo

KEYS: Final = ("number", "block", "buffer", "val", "seed")
VAL: Final = 0.15  # share of every class for val, as ``raysat data split`` has it
_HINT: Final = "such as folds: 5, or folds: {number: 5, block: 10km, buffer: 1km}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """How a study's store is split: each group is in the test split of one fold."""

    number: int
    block: float | None = None  # side of a block, metres; None: the groups that the store knows
    buffer: float = 0.0  # metres between patches of two splits, at least
    val: float = VAL  # share of every class
    seed: int = 0


def read_folds(document: YamlValue) -> Folds | None:
    """Return the folds of a study; None where it has none.

    Raises StudyError for what are no folds, for a val share that leaves nothing to train on, and beside ``stores``.
    """
    if "folds" not in document.value:
        return None
    value = document.value["folds"]
    if "stores" in document.value:
        message = "folds are of one store, and stores names several"
        raise document.error(message, "folds", hint="leave one of the two out; the store of folds is that of {--data}")
    if not isinstance(value, dict):
        return Folds(number=_whole(document, value, "folds", "folds"))
    written = document.child("folds")
    written.check_keys(KEYS)
    if "number" not in value:
        raise document.error("folds needs number: how many there are to be", "folds", hint=_HINT)
    number = _whole(written, value["number"], "folds.number", "number")
    return Folds(
        number=number,
        block=_length(written, "block", LEAST_BLOCK) if "block" in value else None,
        buffer=_length(written, "buffer", 0.0) if "buffer" in value else 0.0,
        val=_share(written, number),
        seed=_seed(written),
    )


def run_name(study: str, fold: int) -> str:
    """What the run of a study on one of its folds is called."""
    return f"{study}-fold-{fold}"


def _whole(place: YamlValue, value: object, name: str, key: str) -> int:
    if type(value) is not int or not 2 <= value <= limits.FOLDS:
        message = f"{name} must be a whole number from 2 to {limits.FOLDS}, got {echo(value)}"
        raise place.error(message, key, hint=_HINT)
    return value


def _length(written: YamlValue, key: str, least: float) -> float:
    value: Any = written.value[key]
    try:
        return read_length(value if type(value) in (int, float, str) else echo(value), f"folds.{key}", least)
    except UsageError as error:
        raise written.error(error.template, key, hint=error.hint_template) from None


def _share(written: YamlValue, number: int) -> float:
    value: Any = written.value.get("val", VAL)
    if type(value) not in (int, float) or not limits.LEAST_SHARE <= value <= limits.SHARE:
        message = f"folds.val must be a number from {limits.LEAST_SHARE:g} to {limits.SHARE:g}, got {echo(value)}"
        raise written.error(message, "val", hint="it is the share of every class for val, such as 0.15")
    if value + 1 / number >= 1:
        message = f"folds.val of {value:.3g} and 1/{number} of the patches for test leave nothing to train on"
        raise written.error(message, "val" if "val" in written.value else "number", hint="give val a smaller share")
    return float(value)


def _seed(written: YamlValue) -> int:
    value: Any = written.value.get("seed", 0)
    if type(value) is not int or not 0 <= value < 2**32:
        message = f"folds.seed must be a whole number from 0 to {2**32 - 1:,}, got {echo(value)}"
        raise written.error(message, "seed", hint="it decides between groups that are alike")
    return int(value)
