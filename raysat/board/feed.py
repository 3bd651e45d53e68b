"""Messages of a run by their revision: whoever lost the connection is told what it missed, or to begin anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

from raysat.board.models import Delta

_KEPT: Final = 600  # messages: some twenty minutes of a training
_MOST_BYTES: Final = 4 << 20  # of them


class Feed:
    """Keeps the last messages; any thread may add one, and any may wait for them."""

    def __init__(self) -> None:
        """Begin at revision 1, which is the first snapshot."""
        self.revision = 1
        self.listeners: list[Callable[[], None]] = []  # called, in any thread, as a message comes
        self._messages: deque[tuple[int, str]] = deque()
        self._bytes = 0
        self._lock = Lock()

    def add(self, make: Callable[[int], Delta]) -> None:
        """Add what ``make`` makes of the next revision."""
        with self._lock:
            message = make(self.revision + 1).model_dump_json(exclude_none=True)
            self.revision += 1
            self._messages.append((self.revision, message))
            self._bytes += len(message)
            while len(self._messages) > _KEPT or (self._bytes > _MOST_BYTES and len(self._messages) > 1):
                self._bytes -= len(self._messages.popleft()[1])
        self._tell()

    def begin_anew(self) -> None:
        """Forget all messages: what they are about is no more, as where a plan has other arms."""
        with self._lock:
            self.revision += 1
            self._messages.clear()
            self._bytes = 0
        self._tell()

    def after(self, revision: int) -> list[tuple[int, str]] | None:
        """The messages since a revision, with theirs; None where some of these are gone, or it never was."""
        with self._lock:
            if revision == self.revision:
                return []
            oldest = self._messages[0][0] if self._messages else self.revision + 1
            if not oldest - 1 <= revision < self.revision:
                return None
            return [message for message in self._messages if message[0] > revision]

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()
