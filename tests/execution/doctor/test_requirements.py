"""Packages that are missing or of other versions, and a GDAL without what raysat reads and writes with."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from raysat.execution.doctor.requirements import drivers_check, gdal, meets, requirements

ALL = ("GTiff", "COG", "JP2OpenJPEG", "PNG", "VRT")


def test_what_is_installed_here_is_right() -> None:
    check = requirements()
    assert check.level == "ok", check.found
    assert int(check.found.split()[1]) > 20


def test_what_is_missing_or_old() -> None:
    needs = [
        "numpy>=2.0",
        "no-such-package-at-all>=1",
        "torch<2.0,>=1.0",
        "boto3-of-nobody>=1; extra == 'aws'",
        "pandas[parquet]>=2.2",
    ]
    check = requirements(needs)
    assert check.level == "fault"
    assert check.found == f"no no-such-package-at-all; torch {version('torch')}, needs <2.0,>=1.0"
    assert "pip install" in (check.remedy or "")


@pytest.mark.parametrize(
    ("installed", "clauses", "is_met"),
    [
        ("2.60.0", [">=2.60", "<2.61"], True),
        ("2.61", [">=2.60", "<2.61"], False),
        ("2.14.1+cu130", [">=2.9"], True),
        ("2.9.0a0+git1", [">=2.9"], True),
        ("1.10", [">=1.9"], True),
        ("0.9", [">=0.10"], False),
        ("3.0.0", ["==3"], True),
        ("3.0.1", ["!=3.0.1"], False),
        ("1.0", ["<=1.0.0", ">0.9"], True),
        ("1.0", ["~=9.9"], True),  # a form that raysat does not use is not judged
    ],
)
def test_ranges(installed: str, clauses: list[str], is_met: bool) -> None:
    assert meets(installed, clauses) is is_met


def test_gdal_here() -> None:
    assert gdal().level == "ok"


@pytest.mark.parametrize(
    ("without", "level", "words"),
    [((), "ok", "GTiff"), (("GTiff",), "fault", "GeoTIFF"), (("JP2OpenJPEG", "COG"), "warning", "Sentinel-2 scenes")],
)
def test_drivers(without: tuple[str, ...], level: str, words: str) -> None:
    check = drivers_check("GDAL 3.10.3", [name for name in ALL if name not in without])
    assert check.level == level
    assert words in check.found


@pytest.mark.parametrize(
    ("variable", "value", "level", "words"),
    [("GDAL_SKIP", "JP2OpenJPEG", "warning", "no JP2OpenJPEG"), ("PROJ_DATA", "/nowhere", "fault", "PROJ_DATA")],
)
def test_a_gdal_that_the_environment_breaks(variable: str, value: str, level: str, words: str) -> None:
    code = "from raysat.execution.doctor.requirements import gdal; check = gdal(); "
    code += "print(check.level); print(check.found, check.remedy)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {variable: value}, capture_output=True, text=True, check=True
    )
    found, rest = done.stdout.split("\n", 1)
    assert found == level, done.stdout
    assert words in rest
