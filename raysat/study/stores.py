"""The patch stores of a study that is of several: each has a run of its own, named after it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from raysat.config import limits
from raysat.config.yaml_source import YamlValue
from raysat.errors import UsageError, suggest
from raysat.formatting import echo, one_line

_HINT: Final = "such as stores: [stores/eurosat, s3://bucket/droughtwatch]"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 40  # characters of a store in a run's name


def read_stores(document: YamlValue) -> tuple[str, ...]:
    """The stores that a study names; none where it is of whatever store it is given. Raises StudyError."""
    value = document.value.get("stores")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise document.error(f"stores must be a list of paths or URLs, got {echo(value)}", "stores", hint=_HINT)
    if not 2 <= len(value) <= limits.STORES:
        message = f"stores: a study names 2 to {limits.STORES}, got {len(value)}"
        raise document.error(message, "stores", hint="for a single store leave the key out, and use {--data}")
    if long := next((name for name in value if len(name) > limits.PATH or not name.isprintable()), None):
        raise document.error(f"stores: no path or URL: {echo(long)}", "stores", hint=_HINT)
    if len(set(value)) < len(value):
        (twice, _), *_ = Counter(value).most_common(1)
        raise document.error(f"stores: {echo(twice)} is named twice", "stores", hint="name each store once")
    return tuple(value)


def run_name(study: str, stores: Sequence[str], store: str) -> str:
    """What the run of a study on one of its stores is called.

    Args:
        study: its name.
        stores: all that it names; none for a study of one store, whose run has its name.
        store: one of them.

    Returns:
        ``study``, or ``study-store``.

    Raises:
        UsageError: the study does not name this store.
    """
    if not stores:
        return study
    if store not in stores:
        known = ", ".join(map(one_line, stores))
        raise UsageError(
            f"{{--data}} {one_line(store)}: not one of the study's stores: {known}", hint=suggest(store, list(stores))
        )
    labels = [_label(name) for name in stores]
    place = stores.index(store)
    number = "" if len(set(labels)) == len(labels) else f"{place + 1}-"
    return f"{study}-{number}{labels[place]}"


def _label(store: str) -> str:
    """The last part of a path or URL, in characters that every file system takes."""
    return _UNSAFE.sub("-", store.rstrip("/").rsplit("/", 1)[-1]).strip("-._")[:_LONGEST] or "store"
