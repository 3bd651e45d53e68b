"""What is wrong in a cluster file for machines of one's own (Ray's provider ``local``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from raysat.config.yaml_source import Key
from raysat.execution.cluster_file.finding import Finding, error, risk
from raysat.execution.cluster_file.reading import ClusterFile, starts_of_ray
from raysat.formatting import echo, plural

_PROVIDER: Final = "provider: {type: local, head_ip: ADDRESS, worker_ips: [ADDRESS, ADDRESS]}"
_ADDRESS: Final = "the address or the name of a machine"
_OF_CLOUDS: Final = ("available_node_types", "head_node", "worker_nodes")  # Ray's launcher refuses them here
_OLD_AUTOSCALER: Final = "RAY_enable_autoscaler_v2=0"


def local_findings(file: ClusterFile) -> Iterator[Finding]:
    """What is wrong in a file whose provider is ``local``."""
    for name in _OF_CLOUDS:
        if file.get((name,)):
            yield error(file, (name,), f"Ray takes no {name} with machines of your own", "leave it out")
    if file.get(("provider", "coordinator_address")) is None:  # a server of the site that hands machines out
        yield from _addresses(file)


def _addresses(file: ClusterFile) -> Iterator[Finding]:
    missing = [name for name in ("head_ip", "worker_ips") if file.get(("provider", name)) is None]
    for name in missing:
        yield error(file, ("provider",), f"no {name}", _PROVIDER)
    if missing:
        return
    place: Key = ("provider", "worker_ips")
    head, workers = file.get(("provider", "head_ip")), file.get(place)
    if not workers:
        yield risk(file, place, "no worker: the head trains alone", _PROVIDER)
        return
    seen = {head}
    for number, worker in enumerate(workers):
        if not isinstance(worker, str) or not worker:
            yield error(file, (*place, number), f"{echo(worker)} is no address", _ADDRESS)
        elif worker in seen:
            yield error(file, (*place, number), f"{echo(worker)} stands there twice", "name each machine once")
        else:
            seen.add(worker)
    most = file.get(("max_workers",), len(workers))
    if most < len(workers):
        what = f"max_workers {most} leaves out {len(workers) - most} of {plural(len(workers), 'worker')}"
        yield risk(file, ("max_workers",), what, "leave it out: all are used then")
    if not file.get(("auth", "ssh_private_key")):
        yield risk(file, ("auth",), "no ssh_private_key: the head may not get into the workers", "~/.ssh/id_ed25519")
    for key, command in starts_of_ray(file, "head"):
        if _OLD_AUTOSCALER not in command:  # the newer one looks for the head where only the older one notes it
            what = "no worker would join: Ray's newer autoscaler does not work with machines of your own"
            yield error(file, key, what, f"{_OLD_AUTOSCALER} ray start --head")
