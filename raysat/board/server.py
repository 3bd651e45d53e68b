"""The board's answers: one page, its style and script, and what each run is, as JSON and as a stream of changes."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from raysat.board.follow import Follower
from raysat.board.guard import App, Guard
from raysat.board.models import CurveView, TabView
from raysat.board.page import ASSETS, page, style
from raysat.board.watch import Watch
from raysat.installation import extra_module

_KEEP_ALIVE_S: Final = 15.0  # a tunnel forgets a connection on which nothing comes
_RETRY_MS: Final = 2000  # after which a browser asks again
_PAGE: Final = 200  # rows at most
_JSON: Final = "application/json"
_STREAM: Final = "text/event-stream; charset=utf-8"
_SMALL: Final = 1000  # bytes that are sent as they are


def make_app(followers: Sequence[Follower], token: str) -> App:
    """Return the board of some runs as an ASGI application.

    Args:
        followers: of the runs, which it begins to look at as it starts.
        token: that each address begins with.

    Raises:
        InstallationError: the extra ``board`` is not installed.
    """
    applications = extra_module("starlette.applications", extra="board")
    Route = extra_module("starlette.routing", extra="board").Route  # noqa: N806  (a class)
    board = _Board(Watch(followers))
    routes = [
        Route("/", board.page, methods=["GET"]),
        Route("/runs", board.runs, methods=["GET"]),
        Route("/runs/{run:int}/snapshot", board.snapshot, methods=["GET"]),
        Route("/runs/{run:int}/changes", board.changes, methods=["GET"]),
        Route("/runs/{run:int}/curves", board.curves, methods=["GET"]),
        Route("/runs/{run:int}/leaders", board.leaders, methods=["GET"]),
        Route("/runs/{run:int}/failures", board.failures, methods=["GET"]),
        Route("/runs/{run:int}/search", board.search, methods=["GET"]),
        Route("/{name}", board.asset, methods=["GET"]),
    ]
    return Guard(applications.Starlette(routes=routes, lifespan=board.lifespan), token)


class _Board:
    """Answers requests; those that read files do so in threads of their own, as plain functions."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._responses = extra_module("starlette.responses", extra="board")
        self._errors = extra_module("starlette.exceptions", extra="board")

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        self._watch.start()
        try:
            yield
        finally:
            self._watch.stop()

    def page(self, request: Any) -> Any:
        return self._answer(request, page(), "text/html; charset=utf-8")

    def asset(self, request: Any) -> Any:
        name = request.path_params["name"]
        if name not in ASSETS:
            raise self._errors.HTTPException(404)
        return self._answer(request, _asset(name), ASSETS[name])

    def runs(self, request: Any) -> Any:
        tabs = [follower.tab() for follower in self._watch.followers]
        return self._answer(request, TypeAdapter(list[TabView]).dump_json(tabs), _JSON)

    def snapshot(self, request: Any) -> Any:
        return self._model(request, self._follower(request).snapshot())

    def leaders(self, request: Any) -> Any:
        found = self._follower(request).leaders
        if found is None:
            return self._model(request, None)
        first, number = self._number(request, "from", 0), self._number(request, "n", 20)
        return self._model(request, found.page(first, min(number, _PAGE)))

    def search(self, request: Any) -> Any:
        return self._model(request, self._follower(request).search())

    def failures(self, request: Any) -> Any:
        first, number = self._number(request, "from", 0), self._number(request, "n", 20)
        return self._model(request, self._follower(request).failures(first, min(number, _PAGE)))

    def curves(self, request: Any) -> Any:
        words = [word for word in request.query_params.get("arms", "").split(",") if word]
        if not all(word.isdecimal() and len(word) < 8 for word in words):
            raise self._errors.HTTPException(400)
        found = self._follower(request).curves_of([int(word) for word in words])
        return self._answer(request, TypeAdapter(list[CurveView]).dump_json(found), _JSON)

    async def changes(self, request: Any) -> Any:
        """A stream of what changes from a revision on: of the last event that a browser had, or as it is asked."""
        place, follower = request.path_params["run"], self._follower(request)
        if request.method == "HEAD":
            return self._responses.Response(media_type=_STREAM)
        last: str = request.headers.get("last-event-id", "")
        after = int(last) if last.isdecimal() and len(last) < 16 else self._number(request, "after", 0)
        stream = self._stream(place, follower, after)
        return self._responses.StreamingResponse(stream, media_type=_STREAM)

    async def _stream(self, place: int, follower: Follower, after: int) -> AsyncIterator[str]:
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(news.set)

        follower.feed.listeners.append(tell)
        self._watch.seen[place] += 1
        try:
            yield f"retry: {_RETRY_MS}\n\n"
            while True:
                news.clear()
                messages = follower.feed.after(after)
                if messages is None:
                    yield "event: anew\ndata: {}\n\n"  # the page takes a snapshot, and connects again
                    return
                for revision, message in messages:
                    yield f"id: {revision}\ndata: {message}\n\n"
                    after = revision
                try:
                    await asyncio.wait_for(news.wait(), _KEEP_ALIVE_S)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            follower.feed.listeners.remove(tell)
            self._watch.seen[place] -= 1

    def _follower(self, request: Any) -> Follower:
        place: int = request.path_params["run"]
        if place >= len(self._watch.followers):
            raise self._errors.HTTPException(404)
        return self._watch.followers[place]

    def _number(self, request: Any, name: str, otherwise: int) -> int:
        text = request.query_params.get(name, str(otherwise))
        if not text.isdecimal() or len(text) > 15:
            raise self._errors.HTTPException(400)
        return int(text)

    def _model(self, request: Any, model: BaseModel | None) -> Any:
        return self._answer(request, b"null" if model is None else model.model_dump_json().encode(), _JSON)

    def _answer(self, request: Any, body: bytes, kind: str) -> Any:
        """A body with its tag, packed where that is worth it; nothing where the browser has it already."""
        tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        if request.headers.get("if-none-match") == tag:
            return self._responses.Response(status_code=304, headers={"etag": tag})
        headers = {"etag": tag, "vary": "accept-encoding"}
        if len(body) > _SMALL and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers = gzip.compress(body, 5), headers | {"content-encoding": "gzip"}
        return self._responses.Response(body, media_type=kind, headers=headers)


@cache
def _asset(name: str) -> bytes:
    return style() if name == "board.css" else (files("raysat.board.page") / name).read_bytes()
