"""The file of ``--log-file``: all that a command prints, and every event of a run, as plain lines with their time.

Lines are appended, so that several commands may share a file; only its owner may read one that is made here, as what is
printed names paths, and the dashboard's token. A log that cannot be written any more never stops a training.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import stat
import sys
from contextlib import suppress
from datetime import datetime
from typing import IO, Any, Final

from typing_extensions import override

from raysat import __version__
from raysat.errors import DiskError, UsageError
from raysat.formatting import echo, visible

_STYLE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours, and moves of the cursor


class LogFile:
    """An open log; while it is open, what is written to stdout and stderr goes there, too."""

    def __init__(self, path: str) -> None:
        """Open it, and write down the command. Raises UsageError for what is no file, DiskError for other causes."""
        self._path = path
        # Not to wait for the reader of a pipe.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            self._handle: int | None = os.open(path, flags, 0o600)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            message = f"--log-file {echo(path)} cannot be opened: {error.strerror}"
            raise UsageError(message, hint="name a file in a folder that is there") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            message = f"--log-file {echo(path)} cannot be opened: {reason}"
            raise DiskError(message, hint="name a file that can be written") from None
        if stat.S_ISREG(os.fstat(self._handle).st_mode):
            os.set_blocking(self._handle, True)
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (stream and _Copied(stream, self) for stream in self._streams)  # None: it is closed
        self.write(f"raysat {__version__}, process {os.getpid()}: {shlex.join(['raysat', *sys.argv[1:]])}")

    @property
    def streams(self) -> tuple[IO[str], IO[str]]:
        """Stdout and stderr themselves, for what writes its lines here by itself."""
        return self._streams

    def write(self, text: str) -> None:
        """Append each line that is not empty, without what a terminal would obey; says once that it cannot."""
        lines = [line for line in map(visible, _STYLE.sub("", text).splitlines()) if line.strip()]
        if self._handle is None or not lines:
            return
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        content = "".join(f"{now} {line.rstrip()}\n" for line in lines).encode(errors="backslashreplace")
        try:
            while content:
                content = content[os.write(self._handle, content) :]
        except OSError as error:
            self._drop()
            with suppress(OSError, ValueError):
                self._streams[1].write(f"warning: --log-file cannot be written any more: {error.strerror}\n")

    def close(self) -> None:
        """Write what is left of a line, give the streams back, and close the file."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Copied):
                stream.end_line()
        sys.stdout, sys.stderr = self._streams
        self._drop()

    def _drop(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class _Copied(io.TextIOBase):
    """A stream whose lines go to a log, too."""

    def __init__(self, stream: IO[str], log: LogFile) -> None:
        self._stream, self._log, self._begun = stream, log, ""

    @override
    def write(self, text: str, /) -> int:
        written = self._stream.write(text)
        whole, newline, begun = (self._begun + text).rpartition("\n")
        self._begun = begun
        if newline:
            self._log.write(whole)
        return written

    def end_line(self) -> None:
        """Log a line that no newline ended."""
        self._log.write(self._begun)
        self._begun = ""

    @override
    def flush(self) -> None:
        self._stream.flush()

    @override
    def fileno(self) -> int:
        return self._stream.fileno()

    @override
    def isatty(self) -> bool:
        return self._stream.isatty()

    @override
    def writable(self) -> bool:
        return True

    def __getattribute__(self, name: str) -> Any:
        """What says how a stream writes (encoding, errors, buffer) is the stream's own."""
        if name in ("encoding", "errors", "buffer", "newlines", "reconfigure"):
            return getattr(self._stream, name)
        return super().__getattribute__(name)
