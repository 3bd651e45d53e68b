"""Writes a folder with all that Prometheus and Grafana need to show a cluster: their settings, alerts and boards.

Boards are raysat's own, and those of the installed Ray to which Ray's dashboard links. Both listen on loopback alone.
Grafana has no accounts: whoever reaches it may look, and nobody may change anything.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from raysat.errors import UsageError
from raysat.files import AnyPath, absolute, file_exists, read_bytes, write_atomic

BOARD: Final = "raysat-runs"  # the board's uid
_SHIPPED: Final = files("raysat.execution.monitoring") / "files"
_DISCOVERY: Final = "prom_metrics_service_discovery.json"  # where Ray's head lists its nodes
_RAY: Final = "/tmp/ray"  # noqa: S108  (Ray's own default)
_RAYS_BOARDS: Final = ("default", "data", "train")
_LARGEST: Final = 16 << 20  # bytes of a file that is there already
_PLAIN: Final = re.compile(r"[\w ./@+,:=~-]+")  # what Grafana's settings take for nothing but a path
_INI: Final = """\
# Written by raysat cluster metrics.
[server]
http_addr = 127.0.0.1
http_port = {port}
[security]
allow_embedding = true
disable_initial_admin_creation = true
[auth]
disable_login_form = true
[auth.anonymous]
enabled = true
org_role = Viewer
[analytics]
reporting_enabled = false
check_for_updates = false
check_for_plugin_updates = false
[paths]
data = {folder}/data
logs = {folder}/data/log
plugins = {folder}/data/plugins
provisioning = {folder}/provisioning
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSetup:
    """What was written, and how to use it."""

    folder: Path
    files: tuple[Path, ...]  # written now; those that were there as they should be are left out
    prometheus: str  # commands that start the two
    grafana: str
    environment: Mapping[str, str]  # that Ray's head is to start with
    board: str  # URL


def set_up(folder: AnyPath, *, ray: Path | None, prometheus: int, grafana: int, replace: bool) -> MetricsSetup:
    """Write the folder; all files or, where one is there and would change, none.

    Args:
        folder: where to.
        ray: where Ray keeps its files on the head (``ray start --temp-dir``); by default its own default.
        prometheus: port of Prometheus.
        grafana: port of Grafana.
        replace: write files anew that are there and differ.

    Returns:
        What was written, and what to do with it.

    Raises:
        UsageError: a file is there and differs, or the folder is none that Grafana can be told of.
        StorageError: a file cannot be read or written.
    """
    target = absolute(folder)
    if not isinstance(target, Path):
        raise UsageError(f"{target}: Prometheus and Grafana read their files from a disk", hint="give a local folder")
    if not _PLAIN.fullmatch(str(target)):
        raise UsageError(f"{target}: Grafana's settings can't hold this path", hint="choose one of letters and digits")
    if prometheus == grafana:
        raise UsageError(f"both would listen on port {grafana}", hint="give {--grafana-port} another one")
    contents = dict(_contents(target, ray or Path(_RAY), prometheus, grafana))
    there = {path: read_bytes(path, max_bytes=_LARGEST) for path in contents if file_exists(path)}
    changed = [path for path, content in contents.items() if there.get(path) != content]
    if (others := [path for path in changed if path in there]) and not replace:
        more = f", and {len(others) - 1} more" if len(others) > 1 else ""
        raise UsageError(
            f"{others[0]}{more}: there already, and other than it would be; nothing was written",
            hint="{--replace} writes them anew; or choose another folder",
        )
    for path in changed:
        write_atomic(path, contents[path])
    return _described(target, tuple(changed), prometheus, grafana)


def _described(folder: Path, written: tuple[Path, ...], prometheus: int, grafana: int) -> MetricsSetup:
    begin = [
        "prometheus",
        f"--config.file={folder / 'prometheus' / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus' / 'data'}",
        f"--web.listen-address=127.0.0.1:{prometheus}",
    ]
    show = ["grafana", "server", "--homepath=/usr/share/grafana", f"--config={folder / 'grafana' / 'grafana.ini'}"]
    return MetricsSetup(
        folder=folder,
        files=written,
        prometheus=shlex.join(begin),
        grafana=shlex.join(show),
        environment={
            "RAY_PROMETHEUS_HOST": f"http://127.0.0.1:{prometheus}",
            "RAY_GRAFANA_HOST": f"http://127.0.0.1:{grafana}",
        },
        board=f"http://127.0.0.1:{grafana}/d/{BOARD}",
    )


def _contents(folder: Path, ray: Path, prometheus: int, grafana: int) -> Iterator[tuple[Path, bytes]]:
    """Yield each file and its content."""
    settings = (_SHIPPED / "prometheus.yml").read_text(encoding="utf-8")
    listed = json.dumps(str(ray.absolute() / _DISCOVERY))  # a string of YAML, too
    yield folder / "prometheus" / "prometheus.yml", settings.replace(f"{_RAY}/{_DISCOVERY}", listed).encode()
    yield folder / "prometheus" / "alerts.yml", (_SHIPPED / "alerts.yml").read_bytes()
    home = folder / "grafana"
    yield home / "grafana.ini", _INI.format(folder=home, port=grafana).encode()
    source = {
        "name": "Prometheus",  # as Ray's dashboard calls it
        "uid": "prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": f"http://127.0.0.1:{prometheus}",
        "isDefault": True,
        "jsonData": {"timeInterval": "10s"},
    }
    provider = {"name": "raysat", "folder": "Ray", "type": "file", "options": {"path": str(home / "dashboards")}}
    provisioned = home / "provisioning"
    yield provisioned / "datasources" / "prometheus.yml", _yaml({"apiVersion": 1, "datasources": [source]})
    yield provisioned / "dashboards" / "boards.yml", _yaml({"apiVersion": 1, "providers": [provider]})
    yield home / "dashboards" / "raysat.json", (_SHIPPED / "raysat.json").read_bytes()
    for name, board in _rays_boards():
        yield home / "dashboards" / f"ray_{name}.json", board.encode()


def _yaml(content: Mapping[str, object]) -> bytes:
    """JSON, which is YAML."""
    return (json.dumps(content, indent=2) + "\n").encode()


def _rays_boards() -> Iterator[tuple[str, str]]:
    """Yield the boards of the installed Ray, by their names there; their uids are those that its dashboard links to."""
    from ray.dashboard.modules.metrics import grafana_dashboard_factory as factory

    for name in _RAYS_BOARDS:
        board, _ = getattr(factory, f"generate_{name}_grafana_dashboard")()
        yield name, board
