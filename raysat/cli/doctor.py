"""The ``raysat doctor`` command: whether machines are fit for a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from raysat.cli.commands import command
from raysat.cli.console import console, waiting
from raysat.cli.documents import json_option, write
from raysat.cli.options import out_option

if TYPE_CHECKING:
    from raysat.files import AnyPath


@command(
    "raysat doctor",
    "raysat doctor --address auto",
    short="Look a machine over before a study",
)
@click.option("--address", help="A Ray cluster ('auto' on one of its machines): each of its nodes is looked over, too.")
@out_option
@json_option
def doctor(address: str | None, out: AnyPath, as_json: bool) -> int:
    """Look this machine over before a study: versions, memory, disks, limits, clock, cards, and what is slow here.

    Ends with 1 where there is a fault, with 0 where there are warnings alone.
    """
    from raysat.api.doctor import doctor as examine

    screen = console(stderr=as_json, piped_width=80)
    with waiting("looking"):
        found = examine(address, out=out)
    if as_json:
        from raysat.views.json.doctor import doctor_document

        write(doctor_document(found.machines))
    else:
        found.show(screen)
    return 1 if found.faults else 0
