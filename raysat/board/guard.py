"""What stands before every answer of the board: who may ask, how, and what a browser may do with the page.

The address begins with a token (``/TOKEN/...``), so that pages, scripts and streams carry it without a cookie. Names
other than this machine's are refused: a foreign site whose name is made to point here (DNS rebinding) reads nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from raysat.board.token import is_token

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})  # with any port: a tunnel has its own
_METHODS: Final = frozenset({"GET", "HEAD"})
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Lets pass what has the token, asks to read, and came by a name of this machine."""

    def __init__(self, app: App, token: str) -> None:
        """Stand before an application.

        Args:
            app: it sees paths without the token.
            token: that each path begins with.
        """
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it.

        Args:
            scope: as ASGI has it.
            receive: the same.
            send: the same.
        """
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or _name(hosts[0].decode("latin-1")) not in _HOSTS:
            await _refuse(send, 403, "this board is not called by that name")
            return
        first, _, rest = scope["path"].removeprefix("/").partition("/")
        if not is_token(first, self._token):
            await _refuse(send, 403, "this address lacks the board's token: use the one that the command printed")
            return
        if scope["method"] not in _METHODS:
            await _refuse(send, 405, "this board is read, and never written", allow="GET, HEAD")
            return
        if scope["path"] == f"/{first}":  # what the page asks for is found beside its own address
            await _refuse(send, 307, "the address ends in a slash", location=f"{first}/")
            return
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_encoded(HEADERS)]}
            await send(message)

        await self._app(inner, receive, send_guarded)


def _name(host: str) -> str:
    """A host without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _refuse(send: Send, status: int, text: str, **headers: str) -> None:
    body = f"{text}\n".encode()
    more = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **headers}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(HEADERS | more)})
    await send({"type": "http.response.body", "body": body})
