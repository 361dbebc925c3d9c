"""Starts both stand-ins, to point the project at them by hand, or to see it publish to them.

Examples:
    python -m tests.standins serve --notion-port 8801 --pinecone-port 8802
    python -m tests.standins demo
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections import Counter

from tests.standins.notion import NotionStandIn
from tests.standins.pinecone import PineconeStandIn

DATASETS = "Experimental Data Assets"

#: The demo has a database of its own: the stand-ins forget everything when they stop.
DEMO_DATABASE = "demo_sync"


def main() -> int:
    """Serves until it is interrupted, or runs the demo."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.standins",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["serve", "demo"], nargs="?", default="serve")
    parser.add_argument("--notion-port", type=int, default=0)
    parser.add_argument("--pinecone-port", type=int, default=0)
    chosen = parser.parse_args()
    with (
        NotionStandIn(port=chosen.notion_port) as notion,
        PineconeStandIn(port=chosen.pinecone_port) as pinecone,
    ):
        settings = settings_for(notion, pinecone)
        if chosen.action == "demo":
            return demo(notion, pinecone, settings)
        for name, value in settings.items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")
    return 0


def settings_for(notion: NotionStandIn, pinecone: PineconeStandIn) -> dict[str, str]:
    """Variables that point the project at the stand-ins."""
    return {
        "ENABLE_NOTION_SYNC": "true",
        "NOTION_TOKEN": notion.token,
        "NOTION_PARENT_PAGE": notion.add_page("Omics"),
        "NOTION_BASE_URL": notion.url,
        "NOTION_REQUESTS_PER_SECOND": "50",
        "PINECONE_API_KEY": pinecone.api_key,
        "PINECONE_HOST": pinecone.url,
    }


def demo(notion: NotionStandIn, pinecone: PineconeStandIn, settings: dict[str, str]) -> int:
    """Loads and builds the examples, publishes them, shows what landed where, and searches it."""
    from warehouse.connection import connect
    from warehouse.settings import load_settings

    own = load_settings().model_copy(update={"database": DEMO_DATABASE})
    with connect(own) as conn:
        conn.execute("drop schema if exists sync cascade")
    environment = {**os.environ, **settings, "OMICS_DATABASE": DEMO_DATABASE}

    def omics(*arguments: str) -> int:
        say(f"\n$ omics {' '.join(arguments)}")
        command = [sys.executable, "-m", "omics.cli", *arguments]
        return subprocess.run(command, env=environment, check=False).returncode

    # The examples hold a file that asks a question: code 2, and the rest is loaded.
    code = omics("refresh", "--dir", "examples")
    if code not in (0, 2):
        return code
    say("\nWhat landed in Notion's stand-in:")
    for source in notion.data_sources.values():
        rows = notion.rows(source.title)
        names = sorted(title_of(notion, source.title))
        say(f"  {source.title}: {len(rows)} pages: {', '.join(names[:4])}{' …' * (len(names) > 4)}")
    say("What landed in Pinecone's stand-in:")
    for name in pinecone.indexes:
        for space, ids in sorted(pinecone.ids(name).items()):
            say(f"  {name} / {space}: {len(ids)} vectors, for example {min(ids)}")
    calls = Counter(f"{call.method} {call.path.split('/')[-1]}" for call in pinecone.calls)
    say(f"Calls: {notion.count()} to Notion, {sum(calls.values())} to Pinecone")
    notion.forget_calls()
    pinecone.forget_calls()
    again = omics("sync", "apply")
    say(f"Calls of a second apply: {notion.count()} to Notion, {pinecone.count()} to Pinecone")
    # What people write on a page is read back, and found.
    page = notion.rows(DATASETS)[0]
    notion.edit(page, body="The second plate was thawed twice; look at it with care.")
    codes = [omics("load", "notion"), omics("build"), omics("sync", "apply")]
    pinecone.forget_calls()
    codes += [omics("search", text, "--limit", "3") for text in ("thawed twice", "PC 34:1")]
    say(f"Questions that Pinecone's stand-in answered: {pinecone.count('POST', '/query')}")
    return max(again, *codes)


def title_of(notion: NotionStandIn, source: str) -> list[str]:
    """Titles of the pages of a data source."""
    named = notion.source(source).properties.items()
    (column,) = [name for name, definition in named if definition["type"] == "title"]
    return [notion.text(page, column) for page in notion.rows(source)]


def say(text: str) -> None:
    """Prints a line at once: the commands in between print, too."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
