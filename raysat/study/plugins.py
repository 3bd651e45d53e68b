"""The key ``plugins`` of a study or search: installed plugins that it needs, by the names of their entry points.

A file is never one of these: a study may come from anybody, and what it names must not run. Files are named on the
command line, or in Python by ``raysat.load_plugin``.
"""

from __future__ import annotations

from raysat.config.plugins.source import installed_source
from raysat.config.plugins.use import use_plugin
from raysat.config.yaml_source import YamlValue
from raysat.errors import PluginError
from raysat.formatting import echo


def use_named_plugins(document: YamlValue) -> tuple[str, ...]:
    """Load the installed plugins that a document names; return their names.

    Raises:
        StudyError: they are no list of names, one is a file, or no installed package has it.
        PluginError: one cannot be loaded.
    """
    names = document.value.get("plugins")
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
        hint = "such as plugins: [my_losses], the name of an entry point of an installed package"
        raise document.error(f"'plugins' must be a list of names, got {echo(names)}", "plugins", hint=hint)
    for number, name in enumerate(names):
        if name.endswith(".py") or "/" in name or "\\" in name:
            message = f"plugins: {echo(name)} is a file, and a study runs none: it may be anybody's"
            raise document.error(message, "plugins", number, hint=f"leave it out, and give {{--plugin}} {name}")
        try:
            source = installed_source(name)
        except PluginError as error:
            raise document.error(f"plugins: {error.template}", "plugins", number, hint=error.hint_template) from None
        use_plugin(source)
    return tuple(names)
