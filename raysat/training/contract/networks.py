"""The tests of the contract of models: what training, evaluation, workers and graphs ask of a network."""

from __future__ import annotations

import copy
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode

from raysat.training.contract.findings import BrokenError
from raysat.training.contract.subject import CLASSES, CPU, SIDE, Subject, expect, other_global_numbers
from raysat.training.device import channels_last, network_channels_last
from raysat.training.models.build import build, cpu_state
from raysat.training.models.names import check_model
from raysat.training.models.rebuild import rebuild
from raysat.training.seeding import reproducible

_BANDS: Final = 3
_LABELS: Final[tuple[int, ...]] = (0, 1, 2, 1, 0, 2)
# Bands, classes, height and width of other patches than those that all else is tried with.
_OTHERS: Final = ((1, CLASSES, SIDE, SIDE), (11, 2, SIDE, SIDE), (_BANDS, 12, SIDE, SIDE), (4, CLASSES, 24, 32))
_ALONE: Final = "Expected more than 1 value per channel"  # what batch norm says of a patch that it cannot train on
_SEED: Final = 3


def built(subject: Subject) -> None:
    """It is called like no model of timm, and gives a finite score for each class, in training mode scores as well."""
    check_model(subject.config.model)
    _network(subject)


def gradients(subject: Subject) -> None:
    """A finite gradient reaches every weight that is to be trained."""
    _step(_network(subject), _LABELS)


def one_class(subject: Subject) -> None:
    """So it does from patches of one class, and from a single one where batch norm can train on that."""
    network = _network(subject)
    _step(network, (2, 2, 2, 2))
    try:
        _step(network, (2,))
    except ValueError as error:
        if _ALONE not in str(error):
            raise


def dtype(subject: Subject) -> None:
    """Weights and scores are float32; under autocast scores may be bfloat16."""
    network = _network(subject)
    for name, weight in network.named_parameters():
        expect(weight.dtype == torch.float32, f"{name} is {weight.dtype}, not torch.float32")
    for mixed in (False, True):
        with reproducible(CPU, _SEED, "contract"), torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            scores_BK = network(_patches(len(_LABELS)))
        allowed = (torch.float32, torch.bfloat16) if mixed else (torch.float32,)
        under = " under autocast to bfloat16" if mixed else ""
        expect(scores_BK.dtype in allowed, f"scores are {scores_BK.dtype}{under}")
        expect(bool(scores_BK.isfinite().all()), f"a score is not finite{under}")


def device(subject: Subject) -> None:
    """All that it computes with goes where its weights and buffers go; tried without a GPU, by shapes alone."""
    network = _network(subject)
    with FakeTensorMode(allow_non_fake_inputs=True):
        state = {name: _on_gpu(value) for name, value in (*network.named_parameters(), *network.named_buffers())}
        patches = torch.empty(len(_LABELS), _BANDS, SIDE, SIDE, device="cuda")
        try:
            scores_BK = torch.func.functional_call(network, state, (patches,))
        except (DataDependentOutputException, DynamicOutputShapeException):
            return  # it looks at a number on the way, which is what the test of step capture says
        expect(scores_BK.device.type == "cuda", f"patches are on a GPU, the scores on {scores_BK.device.type}")


def bands_and_sizes(subject: Subject) -> None:
    """It takes patches of other bands, classes and sizes."""
    for bands, classes, *size in _OTHERS:
        network = _network(subject, bands=bands, classes=classes, size=(size[0], size[1]))
        with reproducible(CPU, _SEED, "contract"):
            scores_BK = network(_patches(4, bands=bands, size=(size[0], size[1])))
        expect(scores_BK.shape == (4, classes), f"in training it gives {tuple(scores_BK.shape)}, not {(4, classes)}")


def evaluation(subject: Subject) -> None:
    """In evaluation the scores of a patch are always the same, and depend on no other patch."""
    network, patches = _network(subject).eval(), _patches(len(_LABELS))
    with torch.inference_mode():
        scores_BK, again_BK = network(patches), network(patches)
        alone_BK = torch.cat([network(channels_last(patch[None])) for patch in patches])
    expect(torch.equal(scores_BK, again_BK), "in evaluation it gives other scores each time: is something drawn?")
    close = torch.allclose(scores_BK, alone_BK, rtol=1e-3, atol=1e-4 * float(scores_BK.abs().max()))
    expect(close, "in evaluation the scores of a patch depend on the other patches of its batch")


def first_weights(subject: Subject) -> None:
    """They are drawn from torch's generator as it is seeded, anew for each network."""
    networks = []
    for number in range(2):
        with other_global_numbers(number):
            networks.append(_network(subject))
    one, other = (dict((*network.named_parameters(), *network.named_buffers())) for network in networks)
    places = {value.data_ptr() for value in one.values() if value.numel()}
    shared = next((name for name, value in other.items() if value.numel() and value.data_ptr() in places), None)
    expect(shared is None, f"{shared} is that of the network before: make new layers in each call")
    expect(_equal(one, other), "one seed begins with other weights each time: it draws from another generator")
    after = []
    for seed in range(2):
        with reproducible(CPU, seed, "weights"):
            build(subject.config.model, bands=_BANDS, classes=CLASSES, size=(SIDE, SIDE))
            after.append(torch.get_rng_state())
    expect(not torch.equal(*after), "it seeds torch's generator by itself: every seed begins with the same weights")


def rebuilt(subject: Subject) -> None:
    """Its ``state_dict`` is all that there is of a trained network; a copy is one, too."""
    network = _network(subject)
    _step(network, _LABELS)
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    sizes: Any = {"bands": _BANDS, "classes": CLASSES, "size": (SIDE, SIDE)}
    again = network_channels_last(rebuild(subject.config.model, cpu_state(network), **sizes))
    patches = _patches(len(_LABELS))
    with torch.inference_mode():
        scores_BK = network.eval()(patches)
        for other, what in ((again, "built anew with its weights"), (copy.deepcopy(network), "copied")):
            close = torch.allclose(other.eval()(patches), scores_BK, rtol=1e-4, atol=1e-5)
            expect(close, f"a network that is {what} gives other scores: what is neither parameter nor buffer?")


def several_workers(subject: Subject) -> None:
    """Each of two workers has a gradient of every weight, whatever its share; shares make the step of one.

    The latter in evaluation, as in training batch norm sees each share by itself, and dropout draws for itself.
    """
    network, patches, labels = _network(subject), _patches(len(_LABELS)), torch.tensor(_LABELS)
    half = len(_LABELS) // 2
    for share in (slice(0, half), slice(half, None)):
        _step(network, _LABELS[share])
    network.eval()

    def slopes(share: slice) -> list[Tensor]:
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        loss = F.cross_entropy(network(patches[share]).float(), labels[share])
        return list(torch.autograd.grad(loss, weights))

    whole, one, other = slopes(slice(None)), slopes(slice(0, half)), slopes(slice(half, None))
    for together, first, second in zip(whole, one, other, strict=True):
        atol = 1e-5 + 1e-3 * float(together.abs().max())
        close = torch.allclose((first + second) / 2, together, rtol=1e-3, atol=atol)
        expect(close, "two workers take another step than one: it looks beyond each patch")


def _network(
    subject: Subject, *, bands: int = _BANDS, classes: int = CLASSES, size: tuple[int, int] = (SIDE, SIDE)
) -> nn.Module:
    """A network as training begins with it, in training mode."""
    with reproducible(CPU, _SEED, "weights"):
        return network_channels_last(build(subject.config.model, bands=bands, classes=classes, size=size))


def _patches(count: int, *, bands: int = _BANDS, size: tuple[int, int] = (SIDE, SIDE)) -> Tensor:
    """Normalised patches, laid out as in training."""
    values = np.random.default_rng(5).normal(size=(count, bands, *size))
    return channels_last(torch.from_numpy(values).float())


def _step(network: nn.Module, labels: tuple[int, ...]) -> None:
    """Compute the gradients of patches with these labels in training, each weight's finite one."""
    network.train()
    network.zero_grad()
    with reproducible(CPU, _SEED, "contract"):
        loss = F.cross_entropy(network(_patches(len(labels))).float(), torch.tensor(labels))
    expect(loss.requires_grad, "no gradient leaves the scores: are they detached?")
    torch.autograd.backward(loss)
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            if weight.grad is None:
                raise BrokenError(f"no gradient reaches {name}")
            expect(bool(weight.grad.isfinite().all()), f"the gradient of {name} is not finite")


def _on_gpu(value: Tensor) -> Tensor:
    return torch.empty(value.shape, dtype=value.dtype, device="cuda", requires_grad=value.requires_grad)


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    same = one.keys() == other.keys()
    return same and all(torch.equal(value, other[name]) for name, value in one.items())
