"""Looks at a page in a headless Chromium without network: what it shows, and what went wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    # Nothing is found by name: a page that asks for anything says so on its console.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=30000",
)


@dataclass(frozen=True)
class Seen:
    """A page as the browser has it.

    Attributes:
        dom: The document after its scripts ran.
        console: What the scripts and the browser wrote to the console.
    """

    dom: str
    console: tuple[str, ...]


def find_browser() -> str | None:
    """Returns the program, or None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def look(browser: str, page: Path, *, height: int = 7000) -> Seen:
    """Opens the page and returns what became of it."""
    finished = _run(browser, page, height, "--dump-dom")
    console = re.findall(r"CONSOLE.*$", finished.stderr, re.MULTILINE)
    return Seen(finished.stdout, tuple(console))


def picture(browser: str, page: Path, target: Path, *, height: int = 7000) -> None:
    """Writes a picture of the page."""
    _run(browser, page, height, f"--screenshot={target}")


def _run(browser: str, page: Path, height: int, what: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        return subprocess.run(
            [browser, *_FLAGS, f"--user-data-dir={profile}", f"--window-size=1400,{height}", what,
             page.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=180,
        )  # fmt: skip
