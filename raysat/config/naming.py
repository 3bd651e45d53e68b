"""Compact names of configurations by what they differ in: ``LDAM + DRW + CLR``, ``cross-entropy, lr 0.01``.

Methods come first, joined by ``+``, then other settings after commas. A section without its method (``none``,
``uniform``, ``constant``) adds nothing, and what all configurations have is left out. A configuration without any
method is called by its loss. No two get the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from raysat.config.diff import acting, label, with_model_kinds
from raysat.config.schema import Config
from raysat.formatting import one_line

_METHODS: Final = (  # as papers order them
    "loss", "reweight", "sampler", "schedule", "average", "augment", "sharpness", "synthetic", "second_stage", "readout"
)  # fmt: skip
_WORDS: Final = {  # kinds that the field calls by other words than their own
    "cross_entropy": "cross-entropy",
    "ldam": "LDAM",
    "corn": "CORN",
    "coral": "CORAL",
    "cdw_ce": "CDW-CE",
    "emd2": "squared EMD",
    "soft_ordinal": "SORD",
    "drw": "DRW",
    "drs": "DRS",
    "triangular": "CLR",
    "swa": "SWA",
    "ema": "EMA",
    "augmix": "AugMix",
    "balanced_mixup": "Balanced-MixUp",
    "remix": "Remix",
    "cutmix": "CutMix",
    "trivial_augment": "TrivialAugment",
    "dcgan": "DC-GAN",
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "vector_scaling": "VS",
    "asymmetric": "ASL",
    "label_aware_smoothing": "label-aware smoothing",
    "influence_balanced": "IB",
    "sam": "SAM",
    "asam": "ASAM",
    "imbsam": "ImbSAM",
    "crt": "cRT",
    "lws": "LWS",
    "mislas": "MiSLAS",
    "tau_norm": "tau-normalised classifier",
    "nearest_mean": "nearest class mean",
    "temperature": "temperature scaling",
}
_NOUNS: Final = {  # after a kind
    "loss": "loss",
    "reweight": "weights",
    "sampler": "sampling",
    "schedule": "schedule",
    "readout": "readout",
}
_SECTIONS: Final = tuple(Config.model_fields)
_DEFAULTS: Final = acting(Config())  # the kinds of a section without its method among them
_MANY_BANDS: Final = 6  # more are counted, or called by those that lack


def compact_names(
    configs: Mapping[str, Config], bands: Sequence[str] = (), *, kept: Collection[str] = ()
) -> dict[str, str]:
    """Return a short name for each configuration, no two alike.

    Args:
        configs: by the names that they have.
        bands: of the store, so that the list of all of them is called ``all bands``.
        kept: names of ``configs`` that stay as they are.

    Returns:
        The compact name by the present one. Where two would be alike, what they differ in follows in brackets; where
        even that does not tell them apart, the present name stays.
    """
    settings = with_model_kinds({name: acting(config) for name, config in configs.items()})
    met = _values(settings.values())
    names = {name: name if name in kept else one_line(_name(flat, met, bands)) for name, flat in settings.items()}
    for alike in _alike(names):
        differing = _varying([settings[name] for name in alike])
        for name in set(alike) - set(kept):
            told = ", ".join(_setting(key, settings[name][key]) for key in settings[name] if key in differing)
            names[name] = one_line(f"{names[name]} ({told})") if told else name
    while ambiguous := _alike(names):  # ends, as present names are no two alike
        names |= {name: name for alike in ambiguous for name in alike}
    return names


def own_settings(configs: Mapping[str, Config]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Every setting of configurations, as ``loss=ldam``: those that not all have, by name; and those that all have."""
    settings = with_model_kinds({name: acting(config) for name, config in configs.items()})
    varying = _varying(list(settings.values()))

    def told(flat: Mapping[str, Any], *, vary: bool) -> tuple[str, ...]:
        keys = sorted(flat, key=lambda key: (_SECTIONS.index(key.partition(".")[0]), not key.endswith(".kind")))
        return tuple(_setting(key, flat[key]) for key in keys if (key in varying) == vary)

    own = {name: told(flat, vary=True) for name, flat in settings.items()}
    return own, told(next(iter(settings.values()), {}), vary=False)


def _setting(key: str, value: Any) -> str:
    return f"{key.removesuffix('.kind')}={label(value)}"


def _varying(settings: Sequence[Mapping[str, Any]]) -> set[str]:
    """Keys that not all have, or not all with the same value."""
    keys = {key for flat in settings for key in flat}
    return {key for key in keys if any(key not in flat or flat[key] != settings[0].get(key) for flat in settings)}


def _alike(names: Mapping[str, str]) -> list[list[str]]:
    """Groups of configurations that would be called the same."""
    groups: dict[str, list[str]] = {}
    for name, short in names.items():
        groups.setdefault(short, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _values(settings: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """The values that each setting has, by its key and the kind of its section, or none for kinds themselves."""
    met: dict[tuple[str, str], set[str]] = {}
    for flat in settings:
        for key, value in flat.items():
            met.setdefault((key, _kind(key, flat)), set()).add(label(value))
    return met


def _kind(key: str, flat: Mapping[str, Any]) -> str:
    kind = f"{key.partition('.')[0]}.kind"
    return "" if key == kind else str(flat.get(kind, ""))


def _name(flat: Mapping[str, Any], met: Mapping[tuple[str, str], set[str]], bands: Sequence[str]) -> str:
    """A configuration's methods and other settings, as far as not all that have such a setting agree in it."""
    varying = [key for key in flat if len(met[key, _kind(key, flat)]) > 1]
    methods = [text for section in _METHODS if (text := _method(section, flat, varying))]
    rest = [
        _bands(flat[key], bands) if key == "data.bands" else _other(key.partition(".")[2], flat[key])
        for key in varying
        if key.partition(".")[0] not in _METHODS
    ]
    return ", ".join([" + ".join(methods), *rest] if methods else rest) or _word("loss", flat["loss.kind"])


def _method(section: str, flat: Mapping[str, Any], varying: Sequence[str]) -> str:
    """A section's method where configurations differ in it; empty where this one has none."""
    key = f"{section}.kind"
    own = [name for name in varying if name.startswith(f"{section}.") and name != key]
    if section != "loss" and flat[key] == _DEFAULTS[key]:
        own = [name for name in own if flat[name] != _DEFAULTS[name]]
        if not own:
            return ""
    elif not own and key not in varying:
        return ""
    told = ", ".join(f"{_spaced(name.partition('.')[2])} {label(flat[name])}" for name in own)
    return f"{_word(section, flat[key])} ({told})" if told else _word(section, flat[key])


def _word(section: str, kind: str) -> str:
    return _WORDS.get(kind) or f"{_spaced(kind)} {_NOUNS.get(section, '')}".rstrip()


def _other(setting: str, value: Any) -> str:
    """A setting of data, model or optimiser: ``lr 0.01``, ``resnet50``, ``pretrained``, ``adapter stem``."""
    match setting, value:
        case "name" | "kind", _:
            return _WORDS.get(value, str(value))
        case "weights", str():
            return value.removeprefix("torchgeo:").rpartition("/")[2].replace("_Weights.", " ")
        case "weights", None:
            return "random weights"
        case "trains", "all" | "head":
            return "all layers" if value == "all" else "linear probe"
        case "trains", int():
            return f"last {value} stages" if value > 1 else "last stage"
        case "stem" | "classifier", _:
            return f"{value} {setting}"
        case _, bool():
            return _spaced(setting) if value else f"not {_spaced(setting)}"
        case _:
            return f"{_spaced(setting)} {label(value)}"


def _bands(value: Any, bands: Sequence[str]) -> str:
    """``all bands``, ``bands B6-B5-B2``, or of many those that lack: ``without B9``."""
    if isinstance(value, str):
        return f"bands {value}"
    lacking = [band for band in bands if band not in value]
    if bands and not lacking:
        return "all bands"
    if len(value) <= _MANY_BANDS:
        return f"bands {label(value)}"
    return f"without {label(lacking)}" if 0 < len(lacking) <= 2 else f"{len(value)} bands"


def _spaced(text: str) -> str:
    return text.replace("_", " ")
