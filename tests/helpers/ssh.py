"""An SSH server on a host, as one user who is not root; Debian's, as machines that ``ray up`` reaches have it.

The server may not be root: it would change to users that a host's user namespace lacks. So it runs in one more user
namespace, in which the host's root is an ordinary user.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.helpers.hosts import Host
from tests.helpers.namespaces import HOME

USER: Final = "ray"
TOOLS: Final = ("sshd", "ssh", "ssh-keygen", "rsync")
_SEARCHED: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONFIGURATION: Final = f"""\
Port 22
HostKey {HOME}/sshd/key
AuthorizedKeysFile {HOME}/sshd/authorized
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
"""
_SERVE: Final = f"""
set -e
mount --bind {HOME}/sshd/group /etc/group
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
exec unshare --user --map-user=1000 --map-group=1000 /usr/sbin/sshd -D -f {HOME}/sshd/conf
"""


def missing_tools() -> list[str]:
    """What of SSH this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool, path=_SEARCHED) is None]


def make_key(file: Path) -> str:
    """Make a key without a passphrase; return its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file.with_suffix(".pub").read_text(encoding="ascii")


def know_users(host: Host, number: int = 0) -> None:
    """Tell a host that its one user lives in the host's home: SSH asks for that, not for ``$HOME``.

    Args:
        host: whose programs are told.
        number: of the user, where it is not root.
    """
    lines = [f"root:x:0:0::{HOME}:/bin/bash\n"]
    lines += [f"{USER}:x:{number}:{number}::{HOME}:/bin/bash\n"] if number else []
    (host.tmp / "home" / "passwd").write_text("".join(lines), encoding="ascii")
    host.run("mount", "--bind", f"{HOME}/passwd", "/etc/passwd")


def serve_ssh(host: Host, public_key: str, bashrc: str) -> None:
    """Start the server of a host.

    Args:
        host: has none yet.
        public_key: of who may log in.
        bashrc: what the user's shells begin with.
    """
    home = host.tmp / "home"
    folder = home / "sshd"
    folder.mkdir()
    make_key(folder / "key")
    (folder / "authorized").write_text(public_key, encoding="ascii")
    (folder / "conf").write_text(_CONFIGURATION, encoding="ascii")
    (folder / "group").write_text(f"root:x:0:\n{USER}:x:1000:\n", encoding="ascii")
    (home / ".bashrc").write_text(bashrc, encoding="ascii")
    know_users(host, 1000)
    with (folder / "log").open("w") as log:
        host.start("bash", "-c", _SERVE, stdout=log)
    wait_for_port(host, 22)


def wait_for_port(host: Host, port: int, address: str | None = None) -> None:
    """Wait until something on a host listens, at the host's own address or another of it."""
    host.run("bash", "-c", f"until (: < /dev/tcp/{address or host.address}/{port}) 2> /dev/null; do sleep 0.1; done")
