"""Downloads a file over HTTP so that it goes on where it was cut: pooch's ``downloader``, which alone starts anew.

What has come lies in ``NAME.part`` beside the target, and in ``NAME.part.json`` of which version of the file it is. A
server that has another one by now sends the whole (``If-Range``, RFC 9110, section 13.1.5). A redirect never leaves
https, and no more is written than the file is said to have.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import ConfigDict, Field

from raysat.errors import DataError, DiskError, DownloadError, RaysatError
from raysat.files import FileModel, read_model, write_atomic, writing
from raysat.formatting import data_size, one_line

Progress = Callable[[int, int], None]  # bytes so far and in all

TIMEOUT: Final = (10.0, 60.0)  # seconds to connect, and between two pieces
ATTEMPTS: Final = 5  # without a byte in between
_PAUSE: Final = 0.5  # seconds before the second attempt; twice as long before each that follows
_PIECE: Final = 1 << 20
_REDIRECTS: Final = 5
_MOST: Final = 1 << 40  # bytes of a file
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # what a server says that may answer in a moment
_RANGE: Final = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class PartState(FileModel):
    """Of which version of a file a part is."""

    model_config = ConfigDict(strict=True)

    format: Literal[1] = 1
    url: Annotated[str, Field(max_length=2_000)]
    version: Annotated[str, Field(max_length=1_000)] | None  # the server's ETag or date
    size: Annotated[int, Field(ge=0)]  # bytes of the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumingDownloader:
    """What pooch calls to download one file."""

    part: Path
    size: int | None  # bytes that the file must have, where that is known
    progress: Progress

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> None:  # noqa: ARG002
        """Bring the file, and move it to where pooch checks it.

        Args:
            url: where it lies.
            output_file: pooch's temporary file.
            pooch: not used.
            check_only: not used.

        Raises:
            DownloadError: it cannot be had; what has come stays for the next attempt.
            DataError: the server has another file than it should.
            DiskError: the disk is too small, or fails.
        """
        failures = 0
        while True:
            before = self._bytes()
            try:
                self._fetch(url)
                break
            except (requests.RequestException, _TryAgainError) as error:
                failures = 1 if self._bytes() > before else failures + 1
                if failures >= ATTEMPTS:
                    raise DownloadError(f"{url} cannot be downloaded: {_cause(error)}") from error
                time.sleep(_PAUSE * 2 ** (failures - 1))
        with writing(self.part):
            self.part.replace(output_file)
            self._state.unlink(missing_ok=True)

    @property
    def _state(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def _bytes(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _fetch(self, url: str) -> None:
        """Ask once for what is missing, and write it."""
        known = self._known(url)
        have = self._bytes() if known else 0
        if known and have == known.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if known and have:
            headers["Range"] = f"bytes={have}-"
            if known.version is not None:
                headers["If-Range"] = known.version
        with requests.Session() as session, self._answer(session, url, headers) as response:
            start, total = self._place(response, have)
            self._check_room(total - start)
            state = PartState(url=url, version=_version(response), size=total)
            write_atomic(self._state, state.model_dump_json(indent=1))
            self._write(response, start, total)

    def _known(self, url: str) -> PartState | None:
        """What the part is of; None where it is to be begun anew."""
        if not self._bytes():
            return None
        try:
            state = read_model(PartState, self._state, remedy="", max_bytes=1 << 16)
        except RaysatError:
            return None
        return state if state.url == url and self._bytes() <= state.size else None

    def _answer(self, session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
        """Ask, and follow redirects. Raises DownloadError where the server refuses."""
        for _ in range(_REDIRECTS + 1):
            response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False)
            if not response.is_redirect:
                break
            target = urljoin(url, response.headers["location"])
            response.close()
            if urlsplit(target).scheme != "https" and urlsplit(url).scheme != urlsplit(target).scheme:
                raise DownloadError(f"{url} leads to {one_line(target)}, which is not https")
            url = target
        else:
            raise DownloadError(f"{url} cannot be downloaded: it leads from one address to the next without end")
        if response.status_code in _AGAIN:
            response.close()
            raise _TryAgainError(f"the server says {response.status_code}")
        if response.status_code == 416:  # the part is no beginning of the file that is there
            response.close()
            self.part.unlink(missing_ok=True)
            raise _TryAgainError("the server has no such rest of the file")
        if response.status_code not in (200, 206):
            response.close()
            raise DownloadError(f"{url} cannot be downloaded: the server says {response.status_code}")
        return response

    def _place(self, response: requests.Response, have: int) -> tuple[int, int]:
        """Where the answer begins in the file, and how long that is. Raises DataError where it is another file."""
        if response.status_code == 206:
            told = _RANGE.fullmatch(response.headers.get("content-range", ""))
            if told is None or int(told[1]) != have:
                self.part.unlink(missing_ok=True)
                raise _TryAgainError("the server sends another part than was asked for")
            start, total = have, int(told[3])
        else:
            start, total = 0, int(response.headers.get("content-length", self.size or -1))
        if total < 0:
            raise DownloadError(f"{response.url} cannot be downloaded: the server does not say how long it is")
        if total > _MOST or self.size not in (None, total):
            expected = f"expected {self.size:,}" if self.size is not None else f"at most {_MOST:,} are read"
            raise DataError(
                f"{response.url} has {total:,} bytes, {expected}: it is another file",
                hint="see the data set's page; a newer raysat may know the new file",
            )
        return start, total

    def _check_room(self, missing: int) -> None:
        with writing(self.part):
            free = shutil.disk_usage(self.part.parent).free
        if free < missing:
            raise DiskError(
                f"{self.part.parent} has {data_size(free)} free, the file takes {data_size(missing)} more",
                hint="free some space, or choose another folder",
            )

    def _write(self, response: requests.Response, start: int, total: int) -> None:
        with ExitStack() as stack:
            with writing(self.part):
                file = stack.enter_context(self.part.open("r+b" if start else "wb"))
                file.seek(start)
            done = start
            for piece in response.iter_content(_PIECE):  # whose failures are the network's, and an OSError, too
                with writing(self.part):
                    done += file.write(piece[: total - done])
                self.progress(done, total)
        if done < total:
            raise _TryAgainError(f"the connection was cut after {done:,} of {total:,} bytes")


class _TryAgainError(Exception):
    """What may go better in a moment."""


def _version(response: requests.Response) -> str | None:
    """What names the version of a file for ``If-Range``: a strong ETag, else its date."""
    tag = response.headers.get("etag")
    version: str | None = tag if tag and tag.startswith('"') else response.headers.get("last-modified")
    return version


def _cause(error: Exception) -> str:
    """What a failure of the network is, without the library's nested objects."""
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "the server does not answer in time"
    if isinstance(error, requests.ConnectionError):
        inner = re.search(r"\[Errno -?\d+\] ([\w ]+)", str(error))
        return f"no connection ({inner[1]})" if inner else "no connection"
    return one_line(str(error))
