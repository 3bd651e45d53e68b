"""A bare root of Debian, made of the packages that this machine's apt has, and commands in it as in a container."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.helpers.dockerfile import Step, expanded

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES: Final = "/etc/machine-certificates.crt"  # of this machine: a proxy may have its own
# Without what the slim images are without.
_LEFT_OUT: Final = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")]
# In namespaces of their own, so that mounts and processes end with the command.
_ENTER: Final = """\
set -e
mount --bind "$ROOT" "$ROOT"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
mount -t proc proc "$ROOT/proc"
cd "$ROOT"
exec chroot --userspec="$WHO" "$ROOT" /usr/bin/env -i "$@"
"""


class NoRootError(Exception):
    """This machine can make no bare root; says why."""


@dataclass(slots=True)
class BareRoot:
    """A root, and what the steps so far said of commands in it."""

    folder: Path
    context: Path  # what COPY copies from
    arguments: dict[str, str]
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    user: str = "0"
    at: str = "/"
    entrypoint: list[str] = field(default_factory=list)

    def do(self, step: Step, patience_s: float) -> None:
        """Do one step of a Dockerfile; raises AssertionError for one that fails."""
        known = self.arguments | self.environment
        match step.instruction:
            case "ARG":
                name, _, value = step.text.partition("=")
                self.arguments.setdefault(name, value)
            case "ENV":
                self.environment |= step.settings(known)
            case "USER":
                self.user = expanded(step.text, known)
            case "WORKDIR":
                self.at = expanded(step.text, known)
            case "COPY":
                *sources, into = step.text.split()
                for source in sources:
                    self._copy(self.context / source, self.folder / into.lstrip("/"))
            case "RUN":
                done = self.run("/bin/sh", "-c", step.text, patience_s=patience_s, more=self.arguments)
                assert done.returncode == 0, f"RUN {step.text}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            case "ENTRYPOINT":
                self.entrypoint = json.loads(step.text)
            case "CMD":
                assert json.loads(step.text)
            case other:
                raise AssertionError(f"{other} is not known here")

    def run(
        self, *words: str, patience_s: float, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the image's user, with the image's variables and nothing of this process's."""
        entry = next(line.split(":") for line in self._users() if self.user in line.split(":")[:3:2])
        variables = {"HOME": entry[5], **_network(), **(more or {}), **self.environment}
        inside = [f"{name}={value}" for name, value in variables.items()]
        inside += ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.at, *words]
        enter = [
            "unshare",
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
            "--kill-child",
            "/bin/sh",
            "-c",
            _ENTER,
            "sh",
        ]
        outside = {"PATH": _PATH, "ROOT": str(self.folder), "WHO": f"{entry[2]}:{entry[3]}"}
        return subprocess.run(
            [*enter, *inside], env=outside, capture_output=True, text=True, timeout=patience_s, check=False
        )

    def size(self) -> int:
        """Bytes of all files, each once."""
        told = subprocess.run(["du", "-sxb", self.folder], capture_output=True, text=True, check=True).stdout
        return int(told.split()[0])

    def _users(self) -> list[str]:
        return (self.folder / "etc" / "passwd").read_text(encoding="utf-8").splitlines()

    def _copy(self, source: Path, into: Path) -> None:
        into.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, into, dirs_exist_ok=True)
        else:
            shutil.copy(source, into)


@contextmanager
def bare_root(image: str, context: Path, arguments: Mapping[str, str]) -> Iterator[BareRoot]:
    """Make a root in place of an image such as ``debian:bookworm-slim``, and remove it at the end.

    Args:
        image: what a FROM names.
        context: the folder that COPY copies from.
        arguments: values of ``--build-arg``.

    Yields:
        The root.

    Raises:
        NoRootError: this machine cannot make one.
    """
    if os.geteuid() != 0:
        raise NoRootError("a bare root needs root: its files belong to several users")
    if (tool := shutil.which("mmdebstrap")) is None:
        raise NoRootError("mmdebstrap is not installed: apt-get install mmdebstrap")
    suite = re.fullmatch(r"debian:(\w+)-slim", image)
    sources = [file for file in _apt_sources() if suite and suite[1] in file.read_text(encoding="utf-8")]
    if suite is None or not sources:
        raise NoRootError(f"apt of this machine has no packages of {image}")
    with TemporaryDirectory(prefix="raysat-root-") as temporary:
        folder = Path(temporary) / "root"
        make = [tool, "--variant=minbase", "--quiet", *_LEFT_OUT, suite[1], str(folder), *map(str, sources)]
        made = subprocess.run(make, capture_output=True, text=True, check=False)
        if made.returncode:
            raise NoRootError(f"mmdebstrap ended with {made.returncode}: {made.stderr.strip()[-300:]}")
        folder.chmod(0o755)
        Path(temporary).chmod(0o755)
        shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
        if certificates := _certificates():
            shutil.copy(certificates, folder / _CERTIFICATES.lstrip("/"))
        yield BareRoot(folder, context, dict(arguments))


def _apt_sources() -> list[Path]:
    apt = Path("/etc/apt")
    files = [apt / "sources.list", *apt.glob("sources.list.d/*.list"), *apt.glob("sources.list.d/*.sources")]
    return [file for file in files if file.is_file() and file.stat().st_size]


def _certificates() -> str | None:
    return os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")


def _network() -> dict[str, str]:
    """How this machine reaches an index, as ``docker build`` passes on proxies."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    told = {name: value for each in names for name in (each, each.lower()) if (value := os.environ.get(name))}
    return told | ({"PIP_CERT": _CERTIFICATES, "SSL_CERT_FILE": _CERTIFICATES} if _certificates() else {})
