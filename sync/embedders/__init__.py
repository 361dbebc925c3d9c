"""Ways of turning text into vectors, behind one small protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from sync.options import Options

#: What can be chosen: id to (provider, model, dimensions it can give, tokens a text may have).
MODELS: dict[str, tuple[str, tuple[int, ...]]] = {
    "hash-v1": ("built-in", (512, 1024)),
    "pinecone:llama-text-embed-v2": ("pinecone", (384, 512, 768, 1024, 2048)),
    "openai:text-embedding-3-small": ("openai", tuple(range(256, 1537))),
    "openai:text-embedding-3-large": ("openai", tuple(range(256, 3073))),
}


@dataclass(frozen=True)
class EmbedderSpec:
    """Which embedder.

    Attributes:
        embedder_id: `hash-v1:512`, `openai:text-embedding-3-small:1536` and so on.
        provider: built-in, pinecone or openai.
        model: Name of the model at the provider.
        dimension: Length of a vector.
        is_lexical: Whether nearness means shared letters and words only.
    """

    embedder_id: str
    provider: str
    model: str
    dimension: int
    is_lexical: bool

    @property
    def suffix(self) -> str:
        """The id in a form that a namespace may carry."""
        return self.embedder_id.replace(":", "-")


class Embedder(Protocol):
    """Turns texts into vectors; raises what its provider raises."""

    spec: EmbedderSpec
    batch: int

    def embed(self, texts: Sequence[str], *, for_query: bool = False) -> list[list[float]]:
        """One vector for each text, in order."""
        ...


def spec_of(name: str) -> EmbedderSpec:
    """The embedder that a name means.

    Args:
        name: `model:dimension`, for example `openai:text-embedding-3-small:1536`.

    Raises:
        OmicsError: There is no such embedder.

    Examples:
        >>> spec_of("hash-v1:512").is_lexical
        True
    """
    model, _, dimension = name.rpartition(":")
    known = MODELS.get(model)
    if known is None or not dimension.isdigit() or int(dimension) not in known[1]:
        raise OmicsError(
            f"there is no embedder {name!r}",
            where="OMICS_EMBEDDER",
            expected="hash-v1:512, pinecone:llama-text-embed-v2:1024, "
            "openai:text-embedding-3-small:1536 or openai:text-embedding-3-large:3072",
            fix="set OMICS_EMBEDDER to one of them",
        )
    return EmbedderSpec(
        embedder_id=name,
        provider=known[0],
        model=model.rpartition(":")[2],
        dimension=int(dimension),
        is_lexical=known[0] == "built-in",
    )


def make_embedder(options: Options) -> Embedder:
    """The embedder that the options choose.

    Raises:
        OmicsError: There is no such embedder, or its key is missing.
    """
    spec = spec_of(options.embedder)
    if spec.provider == "built-in":
        from sync.embedders.hashed import HashedEmbedder

        return HashedEmbedder(spec)
    if spec.provider == "pinecone":
        from sync.embedders.hosted import PineconeEmbedder

        return PineconeEmbedder(spec, _key(options.pinecone_key, "PINECONE_API_KEY"), options)
    from sync.embedders.openai import OpenAIEmbedder

    return OpenAIEmbedder(spec, _key(options.openai_key, "OPENAI_API_KEY"), options)


def _key(key: str | None, name: str) -> str:
    if not key:
        raise OmicsError(
            "the embedder needs a key that is not set",
            where=name,
            fix=f"set {name} in .env, or OMICS_EMBEDDER=hash-v1:512, which needs none",
        )
    return key
