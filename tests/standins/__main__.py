"""Starts both stand-ins and says how to point the project at them.

Example: python -m tests.standins --notion-port 8801 --pinecone-port 8802
"""

from __future__ import annotations

import argparse
import sys
import threading

from tests.standins.notion import NotionStandIn
from tests.standins.pinecone import PineconeStandIn


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins", description=__doc__)
    parser.add_argument("--notion-port", type=int, default=0)
    parser.add_argument("--pinecone-port", type=int, default=0)
    chosen = parser.parse_args()
    with (
        NotionStandIn(port=chosen.notion_port) as notion,
        PineconeStandIn(port=chosen.pinecone_port) as pinecone,
    ):
        settings = {
            "ENABLE_NOTION_SYNC": "true",
            "NOTION_TOKEN": notion.token,
            "NOTION_PARENT_PAGE": notion.add_page("Omics"),
            "NOTION_BASE_URL": notion.url,
            "PINECONE_API_KEY": pinecone.api_key,
            "PINECONE_HOST": pinecone.url,
        }
        for name, value in settings.items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")


if __name__ == "__main__":
    main()
