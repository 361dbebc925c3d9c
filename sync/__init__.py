"""Room 3 of 3: what the marts say, published as Notion pages and Pinecone vectors, and searched.

Reads `marts` and its own schema `sync`, and never imports the loaders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
