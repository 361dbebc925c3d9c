"""Embedding models that Pinecone hosts: they need the Pinecone key and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync.embedders import EmbedderSpec
    from sync.options import Options


class PineconeEmbedder:
    """Embeds with `inference.embed`, 96 texts at a time."""

    batch = 96

    def __init__(self, spec: EmbedderSpec, key: str, options: Options) -> None:
        self.spec = spec
        self._key = key
        self._options = options

    def embed(self, texts: Sequence[str], *, for_query: bool = False) -> list[list[float]]:
        """One vector for each text; a text over 2,048 tokens is cut at its end by the service."""
        from pinecone import Pinecone

        with Pinecone(
            api_key=self._key, host=self._options.pinecone_host, timeout=self._options.timeout
        ) as client:
            made = client.inference.embed(
                model=self.spec.model,
                inputs=list(texts),
                parameters={
                    "input_type": "query" if for_query else "passage",
                    "truncate": "END",
                    "dimension": self.spec.dimension,
                },
            )
            dense: list[Any] = list(made.data)
            return [list(entry.values) for entry in dense]
