"""Plugins for tests: written, loaded, and forgotten again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raysat.config.plugins.load import LoadedPlugin
from raysat.config.plugins.settings import METHODS
from raysat.config.plugins.source import PluginSource, read_source
from raysat.config.plugins.use import use_plugin

# A method of each section; what stands in the place of BODY is what it does.
HEAD = '''
from typing import Literal
import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from raysat.extend import *
class Own({base}):
    """Does its own."""
    kind: Literal["own"] = "own"
    amount: float = Field(default=2.0, ge=0, le=10, description="How much of it.")
'''
SIGNATURES = {
    "loss": ("LossSettings", "@loss(Own)\ndef own(settings, logits_BK, labels_B, counts_K):\n"),
    "sampler": ("SamplerSettings", "@sampler(Own)\ndef own(settings, labels_N, counts_K, rng, *, epoch, epochs):\n"),
    "augment": ("AugmentSettings", "@augment(Own, randoms=2)\ndef own(settings, patches_BCHW, random_BR):\n"),
    "schedule": ("ScheduleSettings", "@schedule(Own)\ndef own(settings, step, steps, *, steps_per_epoch, lr):\n"),
    "average": ("AverageSettings", "@average(Own)\ndef own(settings, epoch, epochs):\n"),
    "model": ("ModelSettings", "@model(Own)\ndef own(settings, *, bands, classes, size):\n"),
}
# The same as focal loss, the sampler by 1 / n_c, no augmentation, a constant rate, SWA of every epoch, and test_resnet.
SOUND = {
    "loss": "    nats_B = F.cross_entropy(logits_BK, labels_B, reduction='none')\n"
    "    wrong_B = (-torch.expm1(-nats_B)).clamp_min(torch.finfo(torch.float32).tiny)\n"
    "    return wrong_B**settings.amount * nats_B\n",
    "sampler": "    weights_N = (1.0 / counts_K[counts_K > 0])[np.unique(labels_N, return_inverse=True)[1]]\n"
    "    return rng.choice(len(labels_N), size=len(labels_N), p=weights_N / weights_N.sum())\n",
    "augment": "    return patches_BCHW + 0.0 * random_BR[:, :1, None, None]\n",
    "schedule": "    return lr\n",
    "average": "    return 1\n",
    "model": "    import timm\n    return timm.create_model('test_resnet', in_chans=bands, num_classes=classes)\n",
}


def plugin_text(section: str, body: str | None = None) -> str:
    """The text of a plugin with one method, ``own``, of a section."""
    base, signature = SIGNATURES[section]
    return HEAD.format(base=base) + signature + (body or SOUND[section])


def written(folder: Path, text: str, name: str = "own.py") -> Path:
    """Write a plugin."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def source_of_text(text: str, name: str = "own.py") -> PluginSource:
    """A plugin that lies nowhere."""
    return PluginSource(name=name, place=f"/nowhere/{name}", text=text)


@contextmanager
def used(plugin: Path | PluginSource) -> Iterator[LoadedPlugin]:
    """Let studies name the methods of a plugin within, and of none afterwards."""
    try:
        yield use_plugin(plugin if isinstance(plugin, PluginSource) else read_source(plugin))
    finally:
        METHODS.forget()
