"""Room 3 of 3: what the marts say, published as Notion pages and Pinecone vectors, and searched.

Reads `marts` and its own schema `sync`, and never imports the loaders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync.searching.context import Context
    from sync.searching.model import SearchAnswer


def search(text: str, **options: Any) -> SearchAnswer:
    """Finds what answers a question; every hit is a live row of the marts, with a citation.

    Args:
        text: The question.
        **options: See `sync.searching.answering.search`: `limit`, `seconds`, `conn` and the filters
            `omics_types`, `entity_types`, `programs`, `experiments`, `diseases`, `organisms`,
            `signatures`, `features`, `since`, `until`.

    Raises:
        OmicsError: There are no marts yet, or a filter names something that there is not.
    """
    from sync.searching.answering import search as find

    return find(text, **options)


def context(text: str, *, token_budget: int = 2_000, **options: Any) -> Context:
    """Finds what answers a question and puts it together for a language model.

    Args:
        text: The question.
        token_budget: About how many tokens the whole may have; it never has more.
        **options: As for `search`.

    Returns:
        Numbered sources with facts and citations, and all of it as one text.

    Raises:
        OmicsError: There are no marts yet, or a filter names something that there is not.
    """
    from sync.searching.answering import search as find
    from sync.searching.answering import with_connection
    from sync.searching.context import build

    return with_connection(
        options.pop("conn", None),
        lambda conn: build(conn, find(text, conn=conn, **options), token_budget),
    )
