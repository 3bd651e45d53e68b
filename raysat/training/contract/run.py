"""Runs the tests of the contract on a method, raysat's own or of a plugin, and says what each found."""

from __future__ import annotations

import tempfile
from pathlib import Path

from raysat.config.families.base import Spec
from raysat.config.schema import Config
from raysat.errors import RaysatError
from raysat.formatting import elide_line, one_line
from raysat.training.contract.checks import CHECKS, Check
from raysat.training.contract.findings import BrokenError, Finding
from raysat.training.contract.subject import Subject, tiny_store

_LONGEST = 300  # characters of a fault


def check_method(settings: Spec) -> tuple[Finding, ...]:
    """Try a method: each test of its section, in some seconds.

    Args:
        settings: of the method, with the values that it is to be tried with.

    Returns:
        What each test found; of a model that cannot be made only that.
    """
    section = section_of(settings)
    with tempfile.TemporaryDirectory(prefix="raysat-contract-") as folder:
        subject = Subject(section=section, settings=settings, store=tiny_store(Path(folder)))
        found = []
        for check in CHECKS[section]:
            found.append(Finding(check=check.name, fault=_fault(check, subject)))
            if check.is_basis and found[-1].fault:
                break
        return tuple(found)


def section_of(settings: Spec) -> str:
    """The section of a configuration that a method belongs to."""
    for section in CHECKS:
        if isinstance(settings, Config.model_fields[section].annotation.__args__):  # type: ignore[union-attr]
            return section
    raise ValueError(f"{type(settings).__name__} has no contract")


def _fault(check: Check, subject: Subject) -> str:
    try:
        check.test(subject)
    except (BrokenError, RaysatError) as error:
        return _short(str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (what torch raises of a plugin's gradients and the like)
        return _short(f"{type(error).__name__}: {error}")
    return ""


def _short(text: str) -> str:
    return elide_line(one_line(text.strip().partition("\n")[0]), _LONGEST)
