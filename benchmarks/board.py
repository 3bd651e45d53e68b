"""How `raysat board` bears a large run: what it sends, how soon, and what a browser does with it.

    python benchmarks/board.py RUN          # a finished run, as `python -m scaling.made` makes it (benchmarks/scale.py)

Requests are medians of n; the browser is headless Chromium at 1280 x 1000 pixels. Frames are the times between two of
them while the plan's list is scrolled from its top to its end; a change is a message of one trial, from its arrival to
the end of the frame that shows it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

SCROLL = """async () => {
  const rows = document.getElementById("rows");
  const times = [];
  let before = performance.now();
  for (let step = 0; step <= 200; step += 1) {
    rows.scrollTop = (rows.scrollHeight * step) / 200;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return times.slice(1);
}"""
CHANGE = """async () => {
  const { shown } = window.raysatBoard;
  const times = [];
  for (let turn = 0; turn < 50; turn += 1) {
    const { feed } = shown();
    const revision = feed.run.revision + 1;
    const began = performance.now();
    const { head } = feed.run;
    feed.take({ revision, at: Date.now() / 1000, cells: [[turn, turn % 2 ? "d" : "r"]], events: [], head });
    await new Promise(requestAnimationFrame);
    await new Promise((next) => setTimeout(next));
    times.push(performance.now() - began);
  }
  return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--n", type=int, default=20)
    given = parser.parse_args()
    began = time.perf_counter()
    command = [sys.executable, "-m", "raysat", "board", given.run, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  (this raysat)
        url = process.stdout.readline().split()[1]
        say("address printed", time.perf_counter() - began, "s")
        while not fetch(f"{url}runs/0/snapshot")["cells"]:
            time.sleep(0.05)
        say("first look done", time.perf_counter() - began, "s")
        while not (leaders := fetch(f"{url}runs/0/leaders")):
            time.sleep(0.1)
        say("leaderboard, means", time.perf_counter() - began, "s")
        while leaders["intervals"] < leaders["arms"]:
            time.sleep(1)
            leaders = fetch(f"{url}runs/0/leaders")
        say("leaderboard, all intervals", time.perf_counter() - began, "s")
        for name in ("", "runs/0/snapshot", "runs/0/leaders?n=20", "runs/0/curves?arms=0,1,2,3,4"):
            request(url, name, given.n)
        browse(url)
        process.terminate()


def request(url: str, name: str, n: int) -> None:
    """Say how soon the first byte of an answer comes, and how many there are."""
    times = []
    for _ in range(n):
        began = time.perf_counter()
        asked = urllib.request.Request(url + name, headers={"Accept-Encoding": "gzip"})  # noqa: S310  (this machine)
        with urllib.request.urlopen(asked) as answer:  # noqa: S310  (the same)
            first = answer.read(1)
            times.append(time.perf_counter() - began)
            body = first + answer.read()
    plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    soon = f"first byte {1e3 * statistics.median(times):.0f} ms (n = {n})"
    print(f"/{name}: {soon}, {len(body):,} bytes, {len(plain):,} unpacked")


def browse(url: str) -> None:
    """Say what a browser takes to show the page, to scroll it, and to change it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        words = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=words)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        began = time.perf_counter()
        page.goto(url)
        page.locator("#leaders-table tbody tr").nth(5).wait_for()
        say("page with its leaderboard", time.perf_counter() - began, "s")
        page.wait_for_timeout(3000)
        spent = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        say("scripting until then", 1e3 * spent["ScriptDuration"], "ms")
        say("memory of the script", spent["JSHeapUsedSize"] / 1e6, "MB")
        print(f"nodes of the page: {spent['Nodes']:.0f}")
        frames(page.evaluate, "frame while scrolling", SCROLL)
        frames(page.evaluate, "change until it is shown", CHANGE)
        browser.close()


def frames(evaluate: Callable[[str], list[float]], name: str, script: str) -> None:
    """Say the spread of times in milliseconds."""
    times = sorted(evaluate(script))
    middle, most = statistics.median(times), times[int(0.95 * len(times))]
    print(f"{name}: median {middle:.1f} ms, 95 % under {most:.1f} ms (n = {len(times)})")


def fetch(url: str) -> Any:
    """What an address says."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310  (this machine)
        return json.load(answer)


def say(what: str, value: float, unit: str) -> None:
    """A line of one number."""
    print(f"{what}: {value:.3g} {unit}", flush=True)


if __name__ == "__main__":
    main()
