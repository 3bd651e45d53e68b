"""What several commands share: the options of a study and of the machines."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from raysat.cli.commands import under
from raysat.cli.completers import files, stores
from raysat.cli.numbers import Decimal, Whole
from raysat.cli.places import FOLDER
from raysat.cli.space import space_option
from raysat.cli.study_data import study_data
from raysat.config import limits
from raysat.config.spacing import AUTO, read_spacing
from raysat.errors import UsageError
from raysat.formatting import echo

if TYPE_CHECKING:
    from raysat.api.studies import Plan
    from raysat.data.bands import Bands
    from raysat.data.store import PatchStore
    from raysat.execution.cluster_options import ClusterOptions
    from raysat.files import AnyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class AblateOptions:
    """A study, how to alter it, and what to run it on."""

    space: AnyPath
    data: str | None
    epochs: int | None
    seeds: int | None
    settings: tuple[str, ...]
    workers: int
    reuse_epochs: bool
    out: AnyPath
    plugins: tuple[str, ...]

    def plans(self) -> list[Plan]:
        """Load the plugins, read the study, and plan it on its data, or on each of its stores or folds; trains none."""
        load_plugins(self.plugins)
        from raysat.study.load import load_study, parse_settings

        overrides = parse_settings(self.settings)
        study = load_study(self.space, overrides=overrides, epochs=self.epochs, seeds=self.seeds)
        from raysat.api.studies import plan  # after the study, so that a mistake there is said at once

        on_data = study_data(study, self.data)
        planned = [plan(study, on, workers=self.workers, reuse_epochs=self.reuse_epochs) for on in on_data]
        return [replace(each, command=self._command(study.name, each.data)) for each in planned]

    def plan(self) -> Plan:
        """The plan of a study on one store. Raises UsageError for a study of several."""
        first, *others = self.plans()
        if others:
            several = "folds" if first.study.folds else "stores"
            raise UsageError(f"the study is of several {several}", hint=f"choose one with {{--data}} {first.data!r}")
        return first

    def _command(self, study: str, data: str) -> str:
        """The command that trains the same from a copy of the study that is called by its name."""
        words = ["raysat", "ablate", "--space", f"{study}.yaml", "--data", data]
        words += [word for name in ("epochs", "seeds") if (n := getattr(self, name)) for word in (f"--{name}", str(n))]
        words += [word for setting in self.settings for word in ("--set", setting)]
        words += [word for file in self.plugins for word in ("--plugin", PurePath(file).name)]
        words += ["--workers", str(self.workers)] if self.workers > 1 else []
        words += [] if self.reuse_epochs else ["--no-reuse-epochs"]
        return shlex.join(words)


data_option = click.option(
    "--data",
    shell_complete=stores,
    default="demo",
    show_default=True,
    help="A patch store: its path, its URL (s3://, gs://, az://), or 'demo'.",
)
set_option = click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a value in every arm.")
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    shell_complete=files,
    metavar="FILE.py",
    help="Run this file, and let the study name the methods in it; repeat it for several.",
)
out_option = click.option(
    "--out",
    type=FOLDER,
    default="runs",
    show_default=True,
    envvar="RAYSAT_OUT",
    help="Runs go to OUT/<study>; RAYSAT_OUT too.",
)
workers_option = click.option(
    "--workers", type=Whole(1, limits.WORKERS), default=1, show_default=True, help="Data-parallel workers per trial."
)


def load_plugins(files: Iterable[str]) -> None:
    """Run the plugins of ``--plugin``, and let what is read next name their methods."""
    if not (given := tuple(files)):
        return
    from raysat.config.plugins.source import read_source
    from raysat.config.plugins.use import use_plugin

    for file in given:
        use_plugin(read_source(file))


def plugins_loaded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--plugin``, whose files run before it does."""

    @wraps(command)
    def loaded(*args: Any, plugins: tuple[str, ...], **given: Any) -> Any:
        load_plugins(plugins)
        return command(*args, **given)

    return plugin_option(loaded)


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a study; it gets them as ``options``."""
    packed = _packed(command, "options", AblateOptions, tuple(AblateOptions.__dataclass_fields__))
    return under(
        "Study",
        space_option("study"),
        click.option(
            "--data",
            shell_complete=stores,
            help="A patch store: its path, its URL (s3://, gs://, az://), or 'demo', the default; of a study "
            "with several stores, one of them; of one with folds, the store to split, or one of the folds.",
        ),
        click.option(
            "--epochs",
            type=Whole(1, limits.EPOCHS),
            help="Epochs of every arm; points in training follow, second stages keep theirs.",
        ),
        click.option("--seeds", type=Whole(1, limits.SEEDS), help="Run the first so many of the study's seeds."),
        set_option,
        plugin_option,
        workers_option,
        click.option(
            "--reuse-epochs/--no-reuse-epochs",
            default=True,
            show_default=True,
            help="Train epochs that trials have in common once.",
        ),
        out_option,
    )(packed)


def growth_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a study that grows; it gets ``max_seeds``, None for a study that does not."""

    @wraps(command)
    def told(*args: Any, until_decided: bool, max_seeds: int | None, **given: Any) -> Any:
        if max_seeds is not None and not until_decided:
            raise UsageError("{--max-seeds} is of {--until-decided}", hint="add {--until-decided}")
        return command(*args, max_seeds=(max_seeds or limits.GROWN) if until_decided else None, **given)

    return under(
        "Seeds until decided",
        click.option("--until-decided", is_flag=True, help="Add seeds until each planned contrast is decided."),
        click.option(
            "--max-seeds",
            type=Whole(1, limits.SEEDS),
            help=f"Seeds of each arm at most, with --until-decided; {limits.GROWN} by default.",
        ),
    )(told)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what all its trainings have; it goes into the ``cluster`` of ``machine_options``, below this."""

    @wraps(command)
    def told(*args: Any, checkpoint_every: str, cluster: ClusterOptions, **given: Any) -> Any:
        read_spacing(checkpoint_every, "--checkpoint-every")
        how = {name: given.pop(name) for name in ("eager", "energy")}
        return command(*args, cluster=replace(cluster, checkpoint_every=checkpoint_every, **how), **given)

    return under(
        "Training",
        click.option(
            "--checkpoint-every",
            default=AUTO,
            show_default=True,
            metavar="auto|30s|1epoch",
            help="Time or epochs between two checkpoints of a trial; auto: so that they cost under 2 %.",
        ),
        click.option("--eager", is_flag=True, help="Train without CUDA graphs, operation by operation; for debugging."),
        click.option("--energy", is_flag=True, help="Record the energy of training, by codecarbon (raysat[energy])."),
    )(told)


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the machines; it gets them as ``cluster``."""
    fields = ("address", "cpus_per_trial", "gpus_per_trial", "max_concurrent", "retries", "wait")
    return under(
        "Machines",
        click.option("--address", help="A Ray cluster ('auto' on one of its machines); else Ray starts here."),
        click.option("--cpus-per-trial", type=Decimal(limits.LEAST_CPUS, limits.CPUS), help="CPUs of each worker."),
        click.option("--gpus-per-trial", type=Decimal(0, limits.CPUS), help="GPUs of each worker; a part shares one."),
        click.option("--max-concurrent", type=Whole(1, limits.JOBS), help="Jobs at a time, at most."),
        click.option(
            "--retries",
            type=Whole(0, limits.RETRIES),
            default=1,
            show_default=True,
            help="How often a job whose worker dies is tried again; a trial from its last checkpoint.",
        ),
        click.option("--wait", is_flag=True, help="Wait for another raysat that fills the same run."),
    )(_packed(command, "cluster", _cluster_options, fields))


def _cluster_options(**options: Any) -> ClusterOptions:
    from raysat.execution.cluster_options import ClusterOptions

    return ClusterOptions(**options)


def _packed(
    command: Callable[..., Any], name: str, make: Callable[..., Any], fields: tuple[str, ...]
) -> Callable[..., Any]:
    """Call a command with what is made of some options in place of these."""

    @wraps(command)
    def packed(*args: Any, **given: Any) -> Any:
        value = make(**{field: given.pop(field) for field in fields})
        return command(*args, **{name: value}, **given)

    return packed


def describe_store(store: PatchStore) -> str:
    """One line on what a store holds."""
    sizes = [f"{len(store.indices(split))} {split}" for split in ("train", "val", "test") if len(store.indices(split))]
    return f"{' / '.join(sizes)} patches, {len(store.bands)} bands, {len(store.classes)} classes"


def read_words(text: str, option: str) -> tuple[str, ...]:
    """Read names with commas. Raises UsageError for an empty or repeated one."""
    words = tuple(word.strip() for word in text.split(","))
    if not all(words):
        raise UsageError(f"{option} {echo(text)} has an empty name", hint="separate names by single commas")
    for word in words:
        if words.count(word) > 1:
            raise UsageError(f"{option} names {echo(word)} twice", hint="name each once")
    return words


def read_numbers(text: str, option: str, low: int, high: int) -> list[int]:
    """Return whole numbers with commas.

    Args:
        text: as written.
        option: of the command.
        low: the least that a number may be.
        high: the greatest.

    Raises:
        UsageError: an empty or repeated one, no number, or one out of bounds.
    """
    numbers, named = Whole(low, high), click.Option([option])
    return [numbers.convert(word, named, None) for word in read_words(text, option)]


def read_bands(text: str | None) -> Bands | None:
    """Read a composite's name, or a list of band numbers and names."""
    if text is None:
        return None
    words = read_words(text, "bands")
    return [int(word) if word.isdigit() else word for word in words] if len(words) > 1 or words[0].isdigit() else text
