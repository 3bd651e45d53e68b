"""Looks over NVIDIA's driver and cards, and whether torch can use them."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from raysat.execution.cluster.gpu_health import Card, Driver, NoDriver, read_cards, read_driver, visible_cards
from raysat.execution.cluster.known_packing import gpu_count
from raysat.execution.doctor.check import Check
from raysat.formatting import data_size
from raysat.training.packing.mps import START_MPS, Mps, mps_state


def gpus() -> Iterator[Check]:
    """What there is to say of the cards that this process may use."""
    import torch

    driver, cards = read_driver(), read_cards(visible_cards())
    built = torch.version.cuda
    usable = torch.cuda.is_available() if isinstance(driver, Driver) and cards else False
    yield driver_check(driver, built, has_cards=bool(cards) or gpu_count() > 0, usable=usable)
    yield from map(card_check, cards)
    if cards:
        yield mps_check(mps_state())
        yield triton_check(missing_for_triton())


def driver_check(driver: Driver | NoDriver, built: str | None, *, has_cards: bool, usable: bool) -> Check:
    """Whether a driver runs what torch was built for; within a major version of CUDA any does.

    Args:
        driver: what there is.
        built: CUDA that torch was built for, as ``13.0``; None for CPUs alone.
        has_cards: whether the machine has any that this process may use.
        usable: whether torch sees them.

    Returns:
        A fault where no trial could train on the cards.
    """
    name = "CUDA"
    if isinstance(driver, NoDriver):
        if driver.is_absent and not has_cards:
            return Check(name=name, found="no NVIDIA driver: trials train on CPUs")
        remedy = "restart the machine if the driver was just installed; else install it again"
        return Check(name=name, found=f"the driver does not answer: {driver.cause}", level="fault", remedy=remedy)
    runs = ".".join(map(str, driver.cuda))
    found = f"driver {driver.version} for CUDA {runs}"
    if not has_cards:
        return Check(name=name, found=f"{found}, no card for this process")
    if built is None:
        remedy = "install the torch that is built for CUDA: https://pytorch.org"
        return Check(name=name, found=f"{found}; torch is built for CPUs alone", level="fault", remedy=remedy)
    found += f"; torch is built for {built}"
    if int(built.partition(".")[0]) > driver.cuda[0]:
        remedy = f"install a newer driver, or a torch that is built for CUDA {driver.cuda[0]}"
        return Check(name=name, found=found, level="fault", remedy=remedy)
    if not usable:
        remedy = "is a card faulty (below)? Else see dmesg for NVRM: Xid"
        return Check(name=name, found=f"{found} and sees no card", level="fault", remedy=remedy)
    return Check(name=name, found=found)


def card_check(card: Card) -> Check:
    """How a card is."""
    name = f"GPU {card.index}"
    found = f"{card.name}, {data_size(card.memory)}" if card.memory else card.name
    if card.fault:
        return Check(name=name, found=f"{found}: {card.fault}", level="fault", remedy=card.remedy)
    if card.warning:
        return Check(name=name, found=f"{found}: {card.warning}", level="warning", remedy=card.remedy)
    return Check(name=name, found=found)


def mps_check(state: Mps) -> Check:
    """Whether trials that share a card compute at one time."""
    if state == "off":
        return Check(
            name="MPS",
            found="off: trials that share a card take turns",
            level="warning",
            remedy=f"start it before Ray: {START_MPS}",
        )
    return Check(name="MPS", found=state if state == "on" else "not installed")


def triton_check(missing: str | None) -> Check:
    """Whether AugMix's views are made by one kernel (``training/augment/augmix_fused.py``).

    Args:
        missing: as of ``missing_for_triton``.
    """
    if missing is None:
        return Check(name="Triton", found="has what it compiles AugMix's kernel with")
    return Check(
        name="Triton",
        found=f"without {missing} AugMix is slower here",
        level="warning",
        remedy="install a C compiler and Python's headers (Debian: gcc, python3-dev), and torch for CUDA",
    )


def missing_for_triton() -> str | None:
    """What Triton lacks to compile a kernel for a GPU, where it would look for it; None where it has all."""
    if find_spec("triton") is None:
        return "Triton"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "a C compiler"
    has_headers = (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file()
    return None if has_headers else "Python's headers"
