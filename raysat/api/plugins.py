"""Plugins: load methods of one's own by name, and try whether they keep what raysat's own do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from typing_extensions import override

from raysat.config.arguments import checked
from raysat.config.describe import MethodInfo, methods
from raysat.config.plugins.load import load
from raysat.config.plugins.settings import kind_of
from raysat.config.plugins.source import PluginSource, read_source
from raysat.config.plugins.use import use_plugin
from raysat.training.contract.findings import CheckedMethod
from raysat.views.plugins import show_checked, show_plugin
from raysat.views.shown import Shown


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plugin(Shown):
    """A plugin that studies may name the methods of, in this process."""

    source: PluginSource
    methods: tuple[MethodInfo, ...]

    def __repr__(self) -> str:
        return f"<Plugin {self.source.name!r} {self.digest}: {', '.join(method.name for method in self.methods)}>"

    @property
    def digest(self) -> str:
        """The hash of its content, part of the id of each trial that uses one of its methods."""
        return self.source.digest

    @property
    def has_changed(self) -> bool:
        """Whether its file has another content now: what runs is what was loaded."""
        return self.source.has_changed

    @override
    def show(self, console: Console) -> None:
        show_plugin(self.source, self.methods, console)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PluginCheck(Shown):
    """What the contract tests found of each method of a plugin."""

    source: PluginSource
    methods: tuple[CheckedMethod, ...]

    def __repr__(self) -> str:
        return f"<PluginCheck {self.source.name!r}: {len(self.methods)} methods, {len(self.faults)} faults>"

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, a line each; empty where every test passes."""
        return tuple(
            f"{method.section}: {method.kind}: {found.check}: {found.fault}"
            for method in self.methods
            for found in method.findings
            if found.fault
        )

    @override
    def show(self, console: Console) -> None:
        show_checked(self.source, self.methods, console)


@checked
def load_plugin(path: Path | str) -> Plugin:
    """Run a file of methods, and let studies of this process name them.

    Only this runs a file, and never a study that names one. Of a file that changed, the later call counts.

    Args:
        path: a Python file that adds methods by ``raysat.extend``.

    Returns:
        The plugin.

    Raises:
        PluginError: it cannot be read or run, or what it registers is wrong; names file and line.
    """
    source = read_source(path)
    plugin = use_plugin(source)
    kinds = [(settings.section, kind_of(settings)) for settings in plugin.settings]
    found = [method for method in methods() if (method.section, method.name) in kinds]
    return Plugin(source=source, methods=tuple(found))


@checked
def check_plugin(path: Path | str) -> PluginCheck:
    """Try the methods of a file with the tests that raysat's own methods pass, on tiny data, in seconds.

    Args:
        path: as of ``load_plugin``; it runs.

    Returns:
        What was found; ``faults`` is empty where it may be used.

    Raises:
        PluginError: as ``load_plugin``.
    """
    source = read_source(path)
    use_plugin(source)
    from raysat.training.contract.run import check_method

    found = tuple(
        CheckedMethod(
            section=settings.section,
            kind=kind_of(settings),
            findings=check_method(settings.model_validate({"kind": kind_of(settings)})),
        )
        for settings in load(source).settings
    )
    return PluginCheck(source=source, methods=found)
