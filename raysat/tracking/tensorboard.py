"""TensorBoard: a folder a trial, in one of its arm, with one file of events, which is there whole or not at all.

While a trial trains, a file of its own grows there (``events.out.tfevents.0.live``). It stays, since a TensorBoard that
reads it would not find the next one otherwise; the whole one begins with what tells it to forget these points.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import crc32c

from raysat.errors import StorageError, TrackerError
from raysat.files import check_real_folder, write_atomic
from raysat.installation import extra_module
from raysat.tracking.models import EndedTrial, Head, Point, RunFile
from raysat.tracking.names import folder_name

_LIVE: Final = "events.out.tfevents.0.live"
_WHOLE: Final = "events.out.tfevents.1.whole"  # after the other: TensorBoard reads them by name
_REPORT: Final = "report"  # no arm's: those hold folders alone
_MASK: Final = 0xA282EAD8  # of checksums in TFRecord files
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class TensorBoard:
    """Writes what ``tensorboard --logdir`` reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._summaries = extra_module("tensorboardX.summary", extra="track")
        self._events = extra_module("tensorboardX.proto.event_pb2", extra="track")
        self._protos = extra_module("tensorboardX.proto.summary_pb2", extra="track")
        self._live: dict[str, BinaryIO] = {}

    @property
    def place(self) -> str:
        """Where it goes."""
        return f"TensorBoard files in {self._folder}"

    def live(self, head: Head, point: Point) -> None:
        """Add a point to the file that grows."""
        file = self._folder_of(head) / _LIVE
        try:
            if head.id not in self._live:
                self._check(file)
                file.parent.mkdir(parents=True, exist_ok=True)
                self._live[head.id] = file.open("wb")
                self._live[head.id].write(_framed(self._first(time.time())))
            for name, value in point.values.items():
                self._live[head.id].write(_framed(self._scalar(name, value, point.epoch, time.time())))
            self._live[head.id].flush()
        except (OSError, StorageError) as error:
            raise _unwritten(file, error) from error

    def send(self, trial: EndedTrial) -> None:
        """Write the whole file beside the one that grew."""
        folder = self._folder_of(trial.head)
        try:
            self._check(folder / _WHOLE)
            if not (folder / _WHOLE).is_file():
                write_atomic(folder / _WHOLE, b"".join(map(_framed, self._of(trial))))
            self._end(trial.head)
        except (OSError, StorageError) as error:
            raise _unwritten(folder / _WHOLE, error) from error

    def give_up(self, head: Head, *, failed: bool) -> None:  # noqa: ARG002  (there is nothing to mark)
        """Keep what came, as TensorBoard shows runs that ended early."""
        self._end(head)

    def files(self, study: str, files: Iterable[RunFile]) -> None:  # noqa: ARG002  (the folder is the run's)
        """Write the leaderboard as text and figures as images; other files lie beside it, in the run."""
        now, file = time.time(), self._folder / _REPORT / _WHOLE
        shown = [summary for each in files if (summary := self._shown(each)) is not None]
        events = [self._first(now), *(self._event(now, summary=summary) for summary in shown)]
        try:
            if shown:
                self._check(file)
                write_atomic(file, b"".join(map(_framed, events)))
        except (OSError, StorageError) as error:
            raise _unwritten(file, error) from error

    def close(self) -> None:
        """Close files that grow."""
        for file in self._live.values():
            file.close()
        self._live.clear()

    def _of(self, trial: EndedTrial) -> Iterator[bytes]:
        """Yield the events of a trial: its configuration, its curve, its final metrics, what it ran on."""
        yield self._first(trial.started)
        log = self._events.SessionLog(status=self._events.SessionLog.START)
        yield self._event(trial.started, session_log=log)
        names = {"arm": trial.head.arm, "seed": trial.head.seed, "trial": trial.head.id}
        settings = {key: "none" if value is None else value for key, value in trial.settings.items()}
        for summary in self._summaries.hparams(names | settings, dict(trial.final)):
            yield self._event(trial.ended, summary=summary)
        for epoch in trial.curve:
            for name, value in epoch.values.items():
                yield self._scalar(name, value, epoch.step, epoch.time)
        last = trial.curve[-1].step if trial.curve else 0
        for name, value in trial.final.items():
            yield self._scalar(name, value, last, trial.ended)
        about = {"trial": trial.head.id, "arms": ", ".join(trial.head.arms)} | dict(trial.facts)
        text = "\n".join(f"    {key:<24} {value}" for key, value in about.items())  # as code: nothing in it is markup
        yield self._event(trial.ended, summary=self._summaries.text("about", text))

    def _shown(self, file: RunFile) -> Any | None:
        """A file as TensorBoard can show it; None for other kinds."""
        if file.path.endswith(".md"):
            return self._summaries.text(file.path, file.content.decode("utf-8", "replace"))
        if file.path.endswith(".png") and file.content.startswith(_PNG) and len(file.content) > 24:
            width, height = struct.unpack(">II", file.content[16:24])
            image = {"encoded_image_string": file.content, "width": width, "height": height, "colorspace": 4}
            return self._protos.Summary(value=[{"tag": file.path, "image": image}])
        return None

    def _first(self, moment: float) -> bytes:
        return self._event(moment, file_version="brain.Event:2")

    def _scalar(self, name: str, value: float, step: int, moment: float) -> bytes:
        return self._event(
            moment, step=step, summary=self._protos.Summary(value=[{"tag": name, "simple_value": value}])
        )

    def _event(self, moment: float, **fields: Any) -> bytes:
        return bytes(self._events.Event(wall_time=moment, **fields).SerializeToString())

    def _folder_of(self, head: Head) -> Path:
        return self._folder / folder_name(head.arm) / f"seed-{head.seed}-{head.id}"

    def _check(self, file: Path) -> None:
        """Raise StorageError where a folder on the way to a file is a link: what is written there lies elsewhere."""
        for folder in file.parents:
            if folder == self._folder:
                break
            check_real_folder(folder)

    def _end(self, head: Head) -> None:
        if (file := self._live.pop(head.id, None)) is not None:
            file.close()


def _framed(event: bytes) -> bytes:
    """An event as a record of a TFRecord file: length, its checksum, the event, its checksum."""
    length = struct.pack("<Q", len(event))
    return length + _checksum(length) + event + _checksum(event)


def _checksum(content: bytes) -> bytes:
    """CRC-32C, turned by 15 bits and shifted."""
    crc = crc32c.crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def _unwritten(file: Path, error: OSError | StorageError) -> TrackerError:
    cause = error.strerror if isinstance(error, OSError) else None
    message = error.message if isinstance(error, StorageError) else f"{file} cannot be written: {cause or error}"
    return TrackerError(message, hint="give another folder with {--out} of {raysat track}")
