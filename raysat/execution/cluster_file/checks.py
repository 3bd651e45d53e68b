"""What is wrong in a cluster file, before it costs anything: on any provider."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from raysat.config.yaml_source import Key
from raysat.execution.cluster_file.aws import aws_findings
from raysat.execution.cluster_file.doors import door_findings
from raysat.execution.cluster_file.finding import Finding, error, risk
from raysat.execution.cluster_file.local import local_findings
from raysat.execution.cluster_file.reading import ClusterFile, NodeType, ray_version
from raysat.formatting import echo, plural

OUT: Final = "RAYSAT_OUT"  # the variable that says where runs go
_PLACEHOLDERS: Final = {  # of the files that come with raysat
    "BUCKET": "your bucket",
    "IMAGE": "the id of a machine image",
    "HEAD": "the address of the head",
    "WORKER": "the address of a worker",
    "USER": "the user that logs in",
}
_PLACEHOLDER: Final = re.compile(rf"(?<![$\w{{])({'|'.join(_PLACEHOLDERS)})(?:-\d+)?\b")  # not $USER
_IMAGE: Final = re.compile(r"(?:^|/)ray(?:-ml)?:(?P<ray>\d+\.\d+\.\d+)(?:[.\w]*)(?:-py(?P<python>\d{2,3}))?")
_OF_PROVIDERS: Final = {"aws": aws_findings, "local": local_findings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a trial asks for."""

    workers: int = 1
    cpus: float | None = None  # of each worker; None: whatever the machine has
    gpus: float | None = None


def findings(file: ClusterFile, demand: Demand) -> list[Finding]:
    """Look for all that is wrong in a file.

    Args:
        file: what was read.
        demand: of the trials that are to run there.

    Returns:
        What was found, errors first.
    """
    checks = [_placeholders(file), _storage(file), _versions(file), _machines(file, demand), door_findings(file)]
    checks.append(_idle(file))
    if (of_provider := _OF_PROVIDERS.get(file.provider)) is not None:
        checks.append(of_provider(file))
    found = list(chain.from_iterable(checks))
    return sorted(found, key=lambda finding: finding.level)  # otherwise as they were found


def _placeholders(file: ClusterFile) -> Iterator[Finding]:
    seen = set()
    for key, text in file.texts():
        for found in _PLACEHOLDER.finditer(text):
            if found[0] not in seen:  # one line for each: a word may stand in many places
                seen.add(found[0])
                yield error(file, key, f"{found[0]} is still to be filled in", f"write {_PLACEHOLDERS[found[1]]} there")


def _storage(file: ClusterFile) -> Iterator[Finding]:
    """The machines of a cloud, with their disks, end with ``ray down``; a job's folder ends with the job anywhere."""
    found = file.variable(OUT)
    if file.provider == "local":
        remedy = f"export {OUT}=s3://your-bucket/runs, or a folder that all machines see, in setup_commands"
        if found is None:
            yield error(file, ("setup_commands",), f"no {OUT}: runs would end with the folder of their job", remedy)
        elif "://" not in found[1] and not found[1].startswith(("/", "~", "$")):
            yield error(file, found[0], f"{OUT}={found[1]} ends with the folder of its job", remedy)
        return
    remedy = f"docker: run_options: ['-e {OUT}=s3://your-bucket/runs']"
    if found is None:
        yield error(file, ("docker", "run_options"), "results would be lost with the head's disk", remedy)
    elif "://" not in found[1]:
        yield error(file, found[0], f"{OUT}={found[1]} lies on a disk that ends with its machine", remedy)


def _versions(file: ClusterFile) -> Iterator[Finding]:
    here = ray_version(), f"{sys.version_info.major}{sys.version_info.minor}"
    for key, image in _images(file):
        if ":" not in image.rpartition("/")[2] or image.endswith((":latest", ":nightly")):
            yield error(file, key, f"image {echo(image)} names no version", f"rayproject/ray:{here[0]}-py{here[1]}-gpu")
        elif (found := _IMAGE.search(image)) is None:
            continue  # one of their own, of which nothing can be told
        elif found["ray"] != here[0]:
            yield error(
                file,
                key,
                f"Ray {found['ray']} in the image, {here[0]} here",
                f"an image of Ray {here[0]}, or the other here",
            )
        elif found["python"] and found["python"] != here[1]:
            image_has, this = (f"{each[0]}.{each[1:]}" for each in (found["python"], here[1]))
            yield error(
                file,
                key,
                f"Python {image_has} in the image, {this} here",
                f"an image with -py{here[1]}, or the other here",
            )


def _images(file: ClusterFile) -> Iterator[tuple[Key, str]]:
    for key, text in file.texts():
        if key[-1] in ("image", "head_image", "worker_image"):
            yield key, text


def _machines(file: ClusterFile, demand: Demand) -> Iterator[Finding]:
    if file.provider == "local" or not file.node_types:
        return
    place: Key = ("available_node_types",)
    most = int(file.get(("max_workers",), 2))
    if not any(_trains(kind) and (kind.is_head or most) for kind in file.node_types):
        yield error(file, place, "no machine may train: none has a CPU and a place", "max_workers above 0")
        return
    able = [kind for kind in file.node_types if _trains(kind) and _holds(kind, demand)]
    if not able:
        asks = ", ".join(f"{amount:g} {name}" for name, amount in _request(demand).items())
        offers = "; ".join(f"{kind.name} {_offer(kind.resources)}" for kind in file.workers)
        yield error(
            file, place, f"no node type holds a worker of {asks} ({offers})", "ask for less, or add a node type"
        )
    elif demand.workers > sum((min(kind.most, most) + kind.is_head) * _per_node(kind, demand) for kind in able):
        what = f"a trial of {plural(demand.workers, 'worker')} has no room at once"
        yield error(file, place, what, "more max_workers, or fewer workers")


def _trains(kind: NodeType) -> bool:
    return (kind.most > 0 or kind.is_head) and kind.resources.get("CPU", 1.0) > 0


def _request(demand: Demand) -> dict[str, float]:
    asked = {"CPU": demand.cpus or 1.0, "GPU": demand.gpus or 0.0}
    return {name: amount for name, amount in asked.items() if amount}


def _holds(kind: NodeType, demand: Demand) -> bool:
    """Whether a worker fits; what the file does not say of a machine, Ray finds out there."""
    request = _request(demand)
    if not kind.resources:
        return True
    return all(kind.resources.get(name, 0.0) >= amount for name, amount in request.items())


def _per_node(kind: NodeType, demand: Demand) -> int:
    request = _request(demand)
    if not kind.resources:
        return demand.workers
    return int(min(kind.resources.get(name, 0.0) // amount for name, amount in request.items()))


def _offer(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items()) or "unknown"


def _idle(file: ClusterFile) -> Iterator[Finding]:
    if file.provider != "local" and not file.get(("idle_timeout_minutes",), 5):
        yield risk(file, ("idle_timeout_minutes",), "idle machines are never ended", "idle_timeout_minutes: 10")
