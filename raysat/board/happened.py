"""What happened in a run, read on from where the last look ended: the event log's files only grow."""

from __future__ import annotations

from collections import deque
from typing import Final

from raysat.errors import DeniedError, DiskError, StorageError
from raysat.files import AnyPath, folder_entries, open_regular, parse_model
from raysat.storage.event_log import FOLDER, LoggedEvent

_MAX_BYTES: Final = 64 << 20  # of a file, as the log's own reader has it
_KEPT: Final = 200  # events that are shown
_LATEST: Final = 50  # trials whose ends say how fast it goes
_ENDS: Final = ("done", "stopped")


class Happened:
    """The events of a run, and what they say of how it goes."""

    def __init__(self, run: AnyPath) -> None:
        """Read nothing yet; ``run`` is its folder."""
        self._folder = run / FOLDER
        self._read: dict[str, int] = {}  # bytes of each file that were read
        self.last: deque[LoggedEvent] = deque(maxlen=_KEPT)
        self.hosts: dict[str, str] = {}  # of each trial that has not ended
        self.began: float | None = None  # the run that fills the folder, or filled it last
        self.slots: str | None = None
        self.gpus: str | None = None
        self._ended: deque[float] = deque(maxlen=_LATEST)  # when trials did, since it began

    def look(self) -> list[LoggedEvent]:
        """Read on; returns the new events. A line that is none is passed over. Raises DeniedError, DiskError."""
        names = sorted(entry.name for entry in folder_entries(self._folder) if entry.name.endswith(".jsonl"))
        latest = max(self._read, default="")
        new = [event for name in names if name >= latest for event in self._read_on(name)]
        for event in new:
            self._take(event)
        return new

    def per_hour(self, now: float) -> float | None:
        """Trials that end in an hour, by the last of them; None where none has ended since the run began."""
        if not self._ended or self.began is None:
            return None
        is_all = len(self._ended) < _LATEST
        since = self.began if is_all else self._ended[0]
        number = len(self._ended) - (not is_all)
        seconds = max(1.0, now - since)
        return 3600 * number / seconds

    def _read_on(self, name: str) -> list[LoggedEvent]:
        done = self._read.setdefault(name, 0)
        try:
            with open_regular(self._folder / name, max_bytes=_MAX_BYTES) as file:
                file.seek(done)
                whole, newline, _ = file.read(_MAX_BYTES).rpartition(b"\n")
        except (DeniedError, DiskError):
            raise
        except StorageError:
            return []
        self._read[name] = done + len(whole) + len(newline)
        events = []
        for line in whole.splitlines():
            try:
                events.append(parse_model(LoggedEvent, line, name, remedy=""))
            except StorageError:
                continue
        return events

    def _take(self, event: LoggedEvent) -> None:
        self.last.append(event)
        match event.event:
            case "run started":
                self.began, self.slots = event.time, event.reason
                self._ended.clear()
                self.hosts.clear()
            case "nodes changed":
                self.slots = event.reason
            case "gpu shared":
                self.gpus = event.reason
        if event.trial is None:
            return
        if event.event in ("starting", "training"):
            self.hosts[event.trial] = event.host
        else:
            self.hosts.pop(event.trial, None)
        if event.event in _ENDS and event.seed is not None:
            self._ended.append(event.time)
