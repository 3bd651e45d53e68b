"""Opens a page in the user's browser, where there is one: not over SSH, and not without a display."""

from __future__ import annotations

import os
import sys
import webbrowser

from raysat.files import AnyPath


def open_page(page: AnyPath) -> str:
    """Open a page that lies on this machine; return what was done, or what is left to the user to do."""
    if "://" in str(page):
        return f"the page lies at {page}: fetch it to open it"
    url = page.absolute().as_uri()  # type: ignore[union-attr]
    if (reason := _no_browser()) is not None:
        return f"{reason}: open {url}"
    try:
        opened = webbrowser.open(url)
    except webbrowser.Error:
        opened = False
    return f"opened {url}" if opened else f"no browser could be started: open {url}"


def _no_browser() -> str | None:
    """Why no browser would show a page to the user, if so."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return "this is a session over SSH"
    if not sys.stdout.isatty():
        return "this is no terminal"
    has_display = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return None if has_display or os.environ.get("BROWSER") else "there is no display here"
