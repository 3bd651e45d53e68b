"""How a store reaches a machine, for who waits: it is copied to its cache, or does not fit there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """A store is copied to a machine's cache, or another process that does so is waited for."""

    node: str = ""  # the machine's name; empty for the driver's own
    done: int  # bytes
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingByRange:
    """A store does not fit a machine's cache: batches are read from where it lies."""

    node: str = ""
    total: int  # bytes


StoreNews = Copying | ReadingByRange
