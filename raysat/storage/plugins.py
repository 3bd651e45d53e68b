"""The plugins that a run was trained with: their text lies beside its plan, to be read, and run when a user names it.

<out>/<study>/plugins/<name>.<hash>.py
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from raysat.config.plugins.settings import METHODS, source_of
from raysat.config.plugins.source import PluginSource
from raysat.errors import StorageError
from raysat.files import AnyPath, check_real_folder, folder_entries, write_atomic

FOLDER: Final = "plugins"


def keep_plugins(run: AnyPath, sources: Iterable[PluginSource]) -> None:
    """Write the text of plugins into a run's folder."""
    for source in sources:
        check_real_folder(run / FOLDER)
        write_atomic(run / FOLDER / source.kept_as, source.text)


def missing_plugin(run: AnyPath, settings: object) -> StorageError | None:
    """Say which plugin the settings of a trial need, in the words of an error, where they need one.

    Args:
        run: its folder.
        settings: of the trial, as they were written: section, key, value.
    """
    for section, values in settings.items() if isinstance(settings, dict) else ():
        digest = values.get("plugin") if isinstance(values, dict) else None
        if isinstance(digest, str) and digest:
            kept = [entry.name for entry in folder_entries(run / FOLDER) if entry.name.endswith(f".{digest}.py")]
            name = f"{kept[0].removesuffix(f'.{digest}.py')}.py" if kept else "a plugin"
            where = f"give {{--plugin}} FILE with that content{f', such as {run / FOLDER / kept[0]}' if kept else ''}"
            given = METHODS.of(section).get(str(values.get("kind")))
            found = None if given is None else source_of(given)
            other = f", and {found.name} as given has other content ({found.digest})" if found else ""
            message = f"{section}: {values.get('kind')} is a method of {name} ({digest}){other}"
            return StorageError(message, hint=where)
    return None
