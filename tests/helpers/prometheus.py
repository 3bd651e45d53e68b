"""A real Prometheus on a host, asked by its HTTP API; and a Grafana that only says that it is well."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.helpers.hosts import Host
from tests.helpers.namespaces import PATH

TOOLS: Final = ("prometheus", "promtool")
Series = tuple[dict[str, str], list[tuple[float, float]]]  # labels; times and values
_ASK: Final = """
import json, sys, urllib.parse, urllib.request
address, given = sys.argv[1], json.loads(sys.argv[2])
answers = []
for expression in given["expressions"]:
    words = {"query": expression, "start": given["start"], "end": given["end"], "step": given["step"]}
    request = urllib.request.Request(f"{address}/api/v1/query_range", urllib.parse.urlencode(words).encode())
    try:
        answers.append(json.load(urllib.request.urlopen(request)))
    except urllib.error.HTTPError as error:
        answers.append(json.load(error))
print(json.dumps(answers))
"""
GRAFANA: Final = """
import http.server, json
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"database": "ok"}).encode())
http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Health).serve_forever()
"""
_FETCH: Final = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"} if sys.argv[2] else {})
print(urllib.request.urlopen(request).read().decode())
"""


def missing_tools() -> list[str]:
    """What of Prometheus this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]


def fetch(host: Host, url: str, token: str = "") -> Any:
    """The JSON that a URL answers with on a host."""
    return json.loads(host.run("python", "-c", _FETCH, url, token))


def quickened(settings: str) -> str:
    """A Prometheus's settings, with every interval a second."""
    text, changes = re.subn(r"interval: \d+s", "interval: 1s", settings)
    assert changes >= 2
    return text


def over(host: Host, expressions: Sequence[str], start: float, step: float = 1.0) -> list[list[Series]]:
    """What each expression gave from a time on; an error of Prometheus is one of the test's.

    Args:
        host: where Prometheus listens at its own port.
        expressions: in its language.
        start: seconds since 1970.
        step: seconds.

    Returns:
        For each expression its series.
    """
    given = {"expressions": expressions, "start": start, "end": time.time(), "step": step}
    answers = json.loads(host.run("python", "-c", _ASK, "http://127.0.0.1:9090", json.dumps(given)))
    for expression, answer in zip(expressions, answers, strict=True):
        assert answer["status"] == "success", (expression, answer)
    return [
        [(one["metric"], [(when, float(value)) for when, value in one["values"]]) for one in answer["data"]["result"]]
        for answer in answers
    ]


def operands(expression: str) -> list[str]:
    """What an alert's expression compares, each without the number that it compares it to."""
    parts = re.split(r"\b(?:and|unless|or) on \([a-z, ]*\)", expression)
    return [re.sub(r"(?:>|<|==)\s*[\d.]+\s*$", "", part.strip()).strip() for part in parts]


def board_expressions(board: Mapping[str, Any], *, rate: str) -> dict[str, str]:
    """The expressions of a board's panels, by panel and letter, with its variables replaced: all studies."""
    return {
        f"{panel['title']}: {target['refId']}": target["expr"].replace("$__rate_interval", rate).replace("$study", ".*")
        for panel in board["panels"]
        for target in panel.get("targets", ())
    }


def read_board(file: Path) -> dict[str, Any]:
    """A board as Grafana reads it."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
