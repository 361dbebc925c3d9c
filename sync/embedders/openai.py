"""OpenAI's embedding models, by one plain call: its package is not needed for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync.embedders import EmbedderSpec
    from sync.options import Options

# About 8,191 tokens are taken; characters are counted generously, since tokens are not known here.
_LONGEST_TEXT = 24_000


class OpenAIEmbedder:
    """Embeds with `POST /v1/embeddings`."""

    batch = 100

    def __init__(self, spec: EmbedderSpec, key: str, options: Options) -> None:
        self.spec = spec
        self._key = key
        self._options = options

    def embed(self, texts: Sequence[str], *, for_query: bool = False) -> list[list[float]]:
        """One vector for each text, in the order of the texts."""
        import httpx

        answer = httpx.post(
            f"{self._options.openai_url}/v1/embeddings",
            headers={"Authorization": f"Bearer {self._key}"},
            json={
                "model": self.spec.model,
                "input": [text[:_LONGEST_TEXT] for text in texts],
                "dimensions": self.spec.dimension,
                "encoding_format": "float",
            },
            timeout=self._options.timeout,
        )
        answer.raise_for_status()
        data: list[dict[str, Any]] = answer.json()["data"]
        ordered = sorted(data, key=lambda entry: int(entry["index"]))
        return [list(entry["embedding"]) for entry in ordered]
