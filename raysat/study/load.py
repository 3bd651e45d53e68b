"""From a study file to ordered arms.

``keys.py`` says what each key of the file is. An override merges into base key by key (see ``config/merge.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from raysat.config import limits
from raysat.config.hints import outside_base
from raysat.config.merge import DEFAULT_KINDS, override
from raysat.config.plain import plain
from raysat.config.schema import Config
from raysat.config.validate import validate_config
from raysat.config.yaml_source import YamlValue
from raysat.config.yaml_syntax import YamlSyntaxError
from raysat.config.yaml_tree import build
from raysat.errors import StorageError, StudyError, UsageError
from raysat.files import safe_name
from raysat.formatting import echo, one_line, plural
from raysat.study.arm import Arm, find_origins
from raysat.study.compare import PlannedContrast, read_contrasts
from raysat.study.folds import Folds, read_folds
from raysat.study.grid import combinations, count
from raysat.study.keys import STUDY_KEYS
from raysat.study.plugins import use_named_plugins
from raysat.study.rates import check_rate, schedule_of
from raysat.study.source import Document, Source, read_source
from raysat.study.stores import read_stores
from raysat.study.tuned_values import check_tuned_values
from raysat.study.tuning import TunedArm, Tuning, read_tuning

_ARMS: Final = "name each arm, such as arms: {plain: {}, LDAM: {loss: {kind: ldam}}}"
NO_OVERRIDES: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study: its arms in order, its seeds, its text as given."""

    name: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    reference: str | None
    reference_place: str = ""  # where the file names it
    stores: tuple[str, ...] = ()  # to train it on; none where it is of whatever store it is given
    folds: Folds | None = None  # of the store that it is given, to train it on each
    compare: tuple[PlannedContrast, ...] = ()  # planned; empty: each arm with the reference, found afterwards
    tune: Tuning | None = None  # what each arm is to be tuned over first
    tuned: tuple[TunedArm, ...] = ()  # what came of that, in the order of the arms; their settings are the chosen ones
    text: str


def load_study(
    source: Source,
    *,
    overrides: Mapping[str, Any] = NO_OVERRIDES,
    epochs: int | None = None,
    seeds: int | None = None,
) -> Study:
    """Read a study; return it, every arm of it valid.

    Args:
        source: a YAML file, the name of a study that ships with raysat, or a mapping with the keys of a file.
        overrides: values by dotted key that win over base and arms alike.
        epochs: epochs of every arm; milestones are fractions of training, so they follow.
        seeds: run the first so many of the study's seeds.

    Raises:
        StudyError: anything wrong in the file or in a setting; the message begins with its place.
        PluginError: an installed plugin that the study names cannot be used.
        UsageError: more seeds asked for than the study has.
    """
    given = read_source(source)
    document = given.tree
    if not isinstance(document.value, dict):
        raise document.error("a study is a mapping of keys", hint=f"its keys are {', '.join(STUDY_KEYS)}")
    if "search" in document.value:
        message = "'search' makes this a search for hyperparameters, not a study of arms"
        raise document.error(message, "search", hint="run it with {raysat tune}")
    document.check_keys(list(STUDY_KEYS), hint=outside_base)
    for key in ("arms", "grid", "zip", "exclude"):
        if key in document.value and document.value[key] in (None, {}, [], ""):
            raise document.error(f"{key!r} is empty", key, hint="indent what belongs to it below it, or leave it out")
    use_named_plugins(document)
    settings = settings_tree(overrides, epochs)
    numbers = study_seeds(given, seeds)
    _check_trials(document, len(document.mapping("arms", hint=_ARMS).value) + count(document), len(numbers))
    written = document.mapping("base", hint="such as base: {optim: {epochs: 40}}").expand()
    for key in written.value:
        if key in STUDY_KEYS:
            raise written.error(f"{echo(key)} stands within base", key, hint="write it at the left margin, beside base")
    base = override(DEFAULT_KINDS, written)
    named, grid = list(_named(document, base)), list(combinations(document, base))
    trees: dict[str, YamlValue] = {}
    changes: dict[str, YamlValue] = {}  # what the arm itself says
    for name, changed, tree in [*named, *grid] or [("base", YamlValue({}), base)]:
        if name in trees:
            raise tree.error(f"two arms are called {echo(name)}", hint="give each arm a name and a value of its own")
        trees[name], changes[name] = tree, changed
    whole = {name: override(tree, settings) for name, tree in trees.items()}
    configs = {name: validate_config(tree, arm=name) for name, tree in whole.items()}
    _check_epochs(document, configs.values(), len(numbers))
    check_rate(written, map(schedule_of, [base, *trees.values()]))
    check_rate(settings, (config.schedule.kind for config in configs.values()))
    tune = read_tuning(document, configs, settings, numbers)
    if tune is not None:
        check_tuned_values(tune, configs, whole)
    in_grid = {name for name, _, _ in grid}
    origins = {
        name: find_origins(tree, (("option", settings), ("arm", changes[name]), ("base", written)))
        for name, tree in whole.items()
    }
    return Study(
        name=study_name(given),
        arms=tuple(
            Arm(
                name=name,
                config=config,
                in_grid=name in in_grid,
                origins=origins[name],
                place=_place(document, name, in_grid=name in in_grid),
                tree=whole[name],
            )
            for name, config in configs.items()
        ),
        seeds=numbers,
        reference=_text(document, "reference"),
        reference_place=document.location(("reference",)),
        stores=read_stores(document),
        folds=read_folds(document),
        compare=read_contrasts(document, list(configs)),
        tune=tune,
        text=given.text,
    )


def _place(document: YamlValue, arm: str, *, in_grid: bool) -> str:
    """Where an arm is written; the axes of a grid make it together."""
    key = "grid" if "grid" in document.value else "zip"
    return document.location((key,) if in_grid else ("arms", arm) if "arms" in document.value else ("base",))


def _check_trials(document: YamlValue, arms: int, seeds: int) -> None:
    """Refuse more trials than can be planned, before any arm is made."""
    if (trials := arms * seeds) > limits.TRIALS:
        product = f"{plural(arms, 'arm')} x {plural(seeds, 'seed')}"
        message = f"seeds: {product} are {trials:,} trials, more than {limits.TRIALS:,}"
        raise document.error(message, "seeds", hint="give fewer seeds, or split the study")


def _check_epochs(document: YamlValue, configs: Iterable[Config], seeds: int) -> None:
    """Refuse more epochs than can be planned."""
    if (epochs := seeds * sum(config.epochs for config in configs)) > limits.ALL_EPOCHS:
        message = f"seeds: the trials would train {epochs:,} epochs in all, more than {limits.ALL_EPOCHS:,}"
        raise document.error(message, "seeds", hint="lower optim.epochs, give fewer seeds, or split the study")


def _named(document: YamlValue, base: YamlValue) -> Iterator[tuple[str, YamlValue, YamlValue]]:
    """Yield name, override and merged configuration of each named arm, in the file's order."""
    arms = document.mapping("arms")
    for name in arms.value:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            hint = f'quote its name: "{one_line(str(name))}":'
            raise arms.error(f"arm {echo(name)} must be named by text", name, hint=hint)
        if len(name) > limits.NAME:
            message = f"an arm's name has {limits.NAME} characters at most, got one of {len(name):,}: {echo(name)}"
            raise arms.error(message, name, hint="give it a short name; what it changes is listed beside it")
        changed = arms.mapping(name, hint="say what it changes, such as {loss: {kind: ldam}}, or {} for base").expand()
        tree = override(base, changed)
        check_rate(changed, [schedule_of(tree)])
        yield name, changed, tree


def settings_tree(overrides: Mapping[str, Any], epochs: int | None) -> YamlValue:
    """Turn overrides and ``--epochs`` into one tree whose places name the option. Raises StudyError."""
    tree = YamlValue({})
    for key, value in overrides.items():
        if not isinstance(key, str):
            raise StudyError(f"overrides: a key must be text, got {echo(key)}", hint='such as "optim.lr"')
        place = f"{{--set}} {one_line(key)}"
        tree = tree.merge(YamlValue(plain(value, place), {}, place).nested_under(*key.split(".")))
    return tree if epochs is None else tree.merge(YamlValue(epochs, {}, "{--epochs}").nested_under("optim", "epochs"))


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Values by dotted key of texts ``key=value``, whose values are YAML; the last of a key wins. Raises UsageError."""
    return dict(map(_setting, texts))


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        message = f"{{--set}} {one_line(text)}: write it as key=value"
        raise UsageError(message, hint="such as {--set} model.name=resnet50")
    try:
        return key, build(value)[0]
    except YamlSyntaxError as mistake:
        raise UsageError(f"{{--set}} {one_line(key)}: {mistake.message}", hint=mistake.hint) from None


def _text(document: YamlValue, key: str) -> str | None:
    value = document.value.get(key)
    if value is not None and not isinstance(value, str):
        raise document.error(
            f"{key!r} must be text, got {echo(value)}", key, hint=f'quote it: {key}: "{one_line(str(value))}"'
        )
    return value


def study_name(given: Document) -> str:
    """The study's name, by default the file's. Raises StudyError for one that cannot name a folder."""
    try:
        return safe_name(_text(given.tree, "study") or given.stem, "study")
    except StorageError as error:
        raise given.tree.error(error.template, "study", hint=error.hint_template) from None


def study_seeds(given: Document, first: int | None) -> tuple[int, ...]:
    """Return the seeds of a study or search, all different, or the ``first`` so many.

    Raises:
        StudyError: they are no seeds, or too many.
        UsageError: more are asked for than there are.
    """
    document, value = given.tree, given.tree.value.get("seeds", [0])
    number = value if type(value) is int else len(value) if isinstance(value, list) else 1
    if number > limits.SEEDS:
        got = echo(value) if type(value) is int else f"a list of {number:,}"
        message = f"seeds: a study has {limits.SEEDS:,} at most, got {got}"
        raise document.error(message, "seeds", hint="a paired test needs some 5 to 20")
    if type(value) is int and value >= 1:
        value = list(range(value))
    whole = isinstance(value, list) and all(type(seed) is int and 0 <= seed < 2**32 for seed in value)
    if not whole or not value or len(set(value)) != len(value):
        message = f"seeds must be different whole numbers from 0 on, got {echo(value)}"
        raise document.error(message, "seeds", hint="such as seeds: 5, which is seeds: [0, 1, 2, 3, 4]")
    if first is not None and not 1 <= first <= len(value):
        raise UsageError(
            f"{{--seeds}} {echo(first)}: the study has {len(value)}", hint=f"list more seeds in {given.origin}"
        )
    return tuple(value[:first])
