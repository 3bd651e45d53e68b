"""An AWS account on loopback: moto's, in this process; and an SSH that notes what Ray would do on its machines."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

REGION: Final = "us-west-2"
MINE: Final = "203.0.113.7/32"
_ACCOUNT: Final = "123456789012"  # moto's
_IMAGE: Final = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id"
# Answers as a machine with Docker would, once its container runs, and keeps the files that are sent.
_SSH: Final = """#!{python}
import json, os, shutil, sys
name, words, log = os.path.basename(sys.argv[0]), sys.argv[1:], "{log}"
with open(log, "a") as file:
    file.write(json.dumps([name, *words]) + "\\n")
last = words[-1]
if name == "rsync":
    for word in words:
        if os.path.isfile(word):
            shutil.copy(word, "{files}/" + os.path.basename(last))
elif "command -v docker" in last:
    print("/usr/bin/docker")
elif ".Config.Env" in last:
    print('["HOME=/home/ray", "PATH=/usr/bin"]')
elif ".State.Running" in last and "docker run" in open(log).read():
    print("true")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with the stack of ``deploy/aws``, and a home whose SSH notes what is done."""

    endpoint: str
    folder: Path
    outputs: dict[str, str]  # of the stack

    def client(self, service: str) -> Any:
        """Boto3's client of a service."""
        return _client(service, self.endpoint)

    @property
    def environment(self) -> dict[str, str]:
        """Of a command that is to use the account."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_"))}
        return own | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": REGION,
            "HOME": str(self.folder),
            "PATH": os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "RAY_UP_enable_autoscaler_v2": "1",
        }

    def instances(self) -> list[dict[str, Any]]:
        """Machines that are not gone."""
        reservations = self.client("ec2").describe_instances()["Reservations"]
        found = [instance for each in reservations for instance in each["Instances"]]
        return [instance for instance in found if instance["State"]["Name"] in ("pending", "running")]

    def commands(self) -> list[str]:
        """The last word of each SSH command: what was to be done there."""
        lines = (self.folder / "ssh.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)[-1] for line in lines]

    def ray(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of Ray's commands."""
        command = [str(Path(sys.executable).parent / "ray"), *words]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def cluster_file(self) -> str:
        """``cluster.yaml`` with what the stack made."""
        text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
        return text.replace("BUCKET", self.outputs["Bucket"]).replace(
            "ImageId: IMAGE", f"ImageId: {self.outputs['Image']}"
        )


@contextmanager
def account(folder: Path) -> Iterator[Account]:
    """Open an account and make its stack; once in a process, since moto keeps the account for all its servers.

    Args:
        folder: an empty one, for a home.
    """
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line a request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        found = Account(endpoint=endpoint, folder=folder, outputs=_stack(endpoint))
        _home(folder)
        yield found
    finally:
        server.stop()


def _client(service: str, endpoint: str) -> Any:
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **keys)


def _stack(endpoint: str) -> dict[str, str]:
    from moto.ssm.models import ssm_backends

    ec2, stacks = _client("ec2", endpoint), _client("cloudformation", endpoint)
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    _client("ssm", endpoint).put_parameter(Name="/image", Value=image, Type="String")
    parameters = ssm_backends[_ACCOUNT][REGION]._parameters
    parameters[_IMAGE] = parameters["/image"]  # one of AWS's own, which nobody else can put
    given = {"Vpc": ec2.describe_vpcs()["Vpcs"][0]["VpcId"], "SshFrom": MINE}
    stacks.create_stack(
        StackName="raysat",
        TemplateBody=(ROOT / "deploy" / "aws" / "stack.yaml").read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    outputs = stacks.describe_stacks(StackName="raysat")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _home(folder: Path) -> None:
    for name in ("bin", "files", ".ray"):
        (folder / name).mkdir()
    (folder / ".ray" / "auth_token").write_text("t" * 64, encoding="ascii")
    (folder / "ssh.log").touch()
    for name in ("ssh", "rsync"):
        script = folder / "bin" / name
        script.write_text(
            _SSH.format(python=sys.executable, log=folder / "ssh.log", files=folder / "files"), encoding="utf-8"
        )
        script.chmod(0o755)
    shutil.copy(ROOT / "constraints.txt", folder)


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
