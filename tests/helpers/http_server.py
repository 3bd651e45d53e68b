"""A real HTTP server on this machine that serves bytes by range, and misbehaves where it is told to."""

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What is served, and how."""

    files: dict[str, bytes]
    etag: str = '"1"'
    ranges: bool = True  # whether it understands them
    cut_after: int | None = None  # bytes of an answer, then it hangs up; once
    status: int | None = None  # answer with this instead
    redirect: str | None = None
    headers: dict[str, str] = field(default_factory=dict)  # of every answer, beside what it needs
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of each request
    methods: list[str] = field(default_factory=list)  # of each request
    url: str = ""


@contextmanager
def serving(files, **how):
    """Serve files by their path; yields the site, whose behaviour may be changed."""
    site = Site(files, **how)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def do_GET(self):
            wanted = self.headers.get("Range")
            site.asked.append((self.path, wanted))
            site.methods.append(self.command)
            if site.redirect is not None and not self.path.startswith("/moved"):
                return self.answer(302, {"Location": site.redirect}, b"")
            content = site.files.get(self.path.removeprefix("/moved"))
            if site.status is not None or content is None:
                return self.answer(site.status or 404, {}, b"")
            headers = {"ETag": site.etag}
            same = self.headers.get("If-Range", site.etag) == site.etag
            if wanted and site.ranges and same:
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
                if start >= len(content):
                    return self.answer(416, {}, b"")
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                return self.answer(206, headers, content[start:])
            return self.answer(200, headers, content)

        do_HEAD = do_GET  # noqa: N815 - the name that the server calls

        def answer(self, status, headers, content):
            self.send_response(status)
            for name, value in (headers | site.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if site.cut_after is not None and content:
                content, site.cut_after = content[: site.cut_after], None
                self.close_connection = True
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
