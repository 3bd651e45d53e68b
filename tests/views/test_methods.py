"""``raysat methods``: every method in one line of 80 columns, and one method with all that is known of it."""

import io

import pytest
from rich.console import Console

from raysat.config.describe import MethodInfo, methods, sections
from raysat.config.schema import Model
from raysat.views.methods import show_methods, show_sections


def printed(*, width: int, of: tuple[MethodInfo, ...] | None = None) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, soft_wrap=True, highlight=False)
    if of is None:
        show_sections(sections(), console)
    else:
        show_methods(of, console)
    return file.getvalue().splitlines()


def test_the_list_has_a_line_for_each_method_and_fits_80_columns() -> None:
    lines = printed(width=80)
    assert max(map(len, lines)) <= 80
    for section in sections():
        assert sum(line.startswith(f"{section.name}: ") for line in lines) == 1
        for method in section.methods:
            if method.name != section.name:
                at = next(n for n, line in enumerate(lines) if line.split(method.summary)[0].split() == [method.name])
                assert lines[at].endswith(f"  {method.summary}")
                below = " ".join(" ".join(lines[at + 1 :]).split())
                if method.paper:
                    assert below.startswith(method.paper.partition(", ")[0])
                if method.cost != "none.":
                    assert method.cost.removesuffix(".") in below


def test_settings_of_the_model_that_are_methods_have_a_line_each() -> None:
    lines = printed(width=80)
    for name, setting in Model.methods.items():
        at = next(number for number, line in enumerate(lines) if line.split()[:1] == [name])
        assert lines[at].endswith(f"  {setting.summary}")
        assert lines[at + 1].strip().startswith(setting.paper.partition(", ")[0])
        assert len(setting.summary) < 60


@pytest.mark.parametrize("method", methods(), ids=lambda method: f"{method.section}.{method.name}")
@pytest.mark.parametrize("width", [80, 200])
def test_a_method_is_shown_whole(method: MethodInfo, width: int) -> None:
    lines = printed(width=width, of=(method,))
    assert max(len(line.rstrip()) for line in lines) <= min(width, 100)
    table = next((n for n, line in enumerate(lines) if line.startswith("setting ")), len(lines))
    above = " ".join(" ".join(lines[:table]).split()).replace("- ", "-")
    for text in (method.summary, method.details, method.use, method.cost, method.paper):
        assert " ".join(text.split()).replace("- ", "-") in above
    start = lines[table].index("description") if method.settings else 0
    described = " ".join(" ".join(line[start:] for line in lines[table + 1 :]).split())
    for setting in method.settings:
        assert any(line.split()[:1] == [setting.name] for line in lines[table + 1 :])
        assert setting.description in described
