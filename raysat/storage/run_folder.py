"""Where a run lies: its ledger in a folder of its name, beside the generated patches that all runs share."""

from __future__ import annotations

from pathlib import Path

from raysat.errors import UsageError
from raysat.storage.artifacts import FOLDER, Artifacts
from raysat.storage.ledger import Ledger


def run_folder(out: Path, name: str) -> tuple[Ledger, Artifacts]:
    """Return the ledger of a run, and the generated patches beside it. Raises UsageError for the name of these."""
    if name == FOLDER:
        raise UsageError(
            f"a study cannot be called {name!r}: its run would lie where generated patches are kept",
            hint="give it another name with the key 'study'",
        )
    return Ledger(out / name), Artifacts(out / FOLDER)
