"""How large a head and a bucket must be for jobs at a time: the table of ``docs/cluster.md``, by calculation."""

from __future__ import annotations

import re
from statistics import median
from typing import Final

from scaling.page import Measured

JOBS_A_GPU: Final = 4
EPOCH_S: Final = 10  # of a job
_AUTO: Final = 50  # times what a save takes: what lies between two with --checkpoint-every auto
_SAVE: Final = re.compile(r"^direct +(?P<megabytes>[\d.]+) +\d+ +(?P<seconds>[\d.]+) ", re.MULTILINE)


def sizing(found: Measured) -> str:
    """The table as Markdown, a row for each number of slots that was measured.

    Args:
        found: with the parts ``slots`` and ``checkpoints``.
    """
    saves = [(float(save["megabytes"]), float(save["seconds"])) for save in _SAVE.finditer(_printed(found))]
    megabytes, seconds = saves[0][0], median(seconds for _, seconds in saves)
    lines = [
        f"| jobs at a time | GPUs, {JOBS_A_GPU} jobs each | epochs a minute | driver, of a core | checkpoints, MB/s |",
        "|---:|---:|---:|---:|---:|",
    ]
    for name, row in found["slots"].items():
        slots = int(name.split()[0].replace(",", ""))
        share = row["seconds"] / row["events"] * slots / EPOCH_S
        written = slots * megabytes / (_AUTO * seconds)
        cells = (
            f"{slots:,}",
            f"{slots // JOBS_A_GPU:,}",
            f"{slots * 60 // EPOCH_S:,}",
            f"{share:.2%}",
            f"{written:,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _printed(found: Measured) -> str:
    return str(found["checkpoints"]["cost"]["printed"])
