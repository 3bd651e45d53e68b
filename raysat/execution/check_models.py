"""Refuses models that cannot be built, or whose weights cannot be had, before Ray starts; torch is imported late."""

from __future__ import annotations

from collections.abc import Sequence

from raysat.config.heads import LinearNeed, head_of
from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Config, Model
from raysat.data.store import PatchStore
from raysat.training.check import band_positions
from raysat.training.models.names import check_model


def check_models(configs: Sequence[Config], store: PatchStore) -> None:
    """Look at the models of a plan, and fetch their pretrained weights.

    Args:
        configs: resolved, of all arms.
        store: the patches.

    Raises:
        PlanError: a model that timm does not know, one that does not go with other settings, or pretrained weights
            that cannot be read or do not fit it.
        PluginError: a plugin's model that cannot be made.
        BandError: bands that pretrained weights do not know.
        TrainingError: pretrained weights that cannot be had.
    """
    models = sorted(dict.fromkeys(config.model for config in configs), key=lambda model: model.name)
    for model in models:
        check_model(model)
    of_timm = [model for model in models if isinstance(model, Model)]
    _check_last_layers(configs)
    _fetch_weights(of_timm)
    _check_weights(configs, store)
    sizes = dict.fromkeys((each.model, len(band_positions(each, store)), head_of(each.loss)) for each in configs)
    own = [(model, bands, head) for model, bands, head in sizes if isinstance(model, ModelSettings)]
    if own:
        from raysat.training.models.first_look import look_at  # three seconds that others do without

        size = (int(store.images.shape[2]), int(store.images.shape[3]))
        for model, bands, head in own:
            look_at(model, bands=bands, classes=len(store.classes), size=size, head=head)


def _check_last_layers(configs: Sequence[Config]) -> None:
    """Refuse models without the linear classifier that other settings need."""
    needing = {(config.model, LinearNeed.all_of(config)): config for config in configs if LinearNeed.all_of(config)}
    if needing:
        from raysat.training.models.last_layer import check_last_layer  # as above

        for config in needing.values():
            check_last_layer(config)


def _fetch_weights(models: Sequence[Model]) -> None:
    """Bring the weights that trainings start from into this machine's caches."""
    pretrained = {model.name for model in models if model.pretrained}
    satellite = {model.weights for model in models if model.weights is not None}
    if pretrained or satellite:
        from raysat.training.models.build import fetch_pretrained  # as above
        from raysat.training.weights_files import fetch

        for name in sorted(pretrained):
            fetch_pretrained(name)
        for weights in sorted(satellite):
            fetch(weights)


def _check_weights(configs: Sequence[Config], store: PatchStore) -> None:
    """Refuse weights that no training could start from; each file is read once."""
    uses: dict[str, dict[tuple[str, tuple[int, ...]], Model]] = {}
    for config in configs:
        if isinstance(model := config.model, Model) and model.weights is not None:
            uses.setdefault(model.weights, {})[model.name, tuple(band_positions(config, store))] = model
    if uses:
        from raysat.training.models.satellite import check_fit  # as above
        from raysat.training.weights_files import fetch, read

        for weights, models in sorted(uses.items()):
            tensors = read(fetch(weights))
            for (_, bands), model in sorted(models.items(), key=lambda use: use[0]):
                check_fit(model, tensors, store, bands)
