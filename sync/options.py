"""What sync needs to know of the settings, and the secrets that must not be written anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warehouse.notion.api import NotionAccess

if TYPE_CHECKING:
    from warehouse.settings import Settings


@dataclass(frozen=True)
class Options:
    """Settings of one run of sync.

    Attributes:
        notion_token: Token of the integration.
        notion_parent: Page under which databases are made.
        notion_url: Address of the API.
        notion_per_second: Calls per second, over all workers.
        pinecone_key: Key.
        pinecone_host: Address of the control plane; none for the usual one.
        pinecone_index: Name of the index.
        pinecone_cloud: Where a new index is made.
        pinecone_region: Where a new index is made.
        openai_key: Key, for OpenAI's embedders.
        openai_url: Address of OpenAI's API.
        embedder: Which embedder, as `provider:model:dimension`.
        model_url: Address of a language model that may be asked.
        model_name: Its name.
        model_key: Its key.
        max_delete_fraction: Share of the known entities that may vanish at once.
        allow_mass_delete: Whether the guard is told to let a mass delete through.
        signature_components: Signatures whose components get pages: `all`, or names parted by
            semicolons.
        features: Features that get pages: `signatures` for those that components of signatures
            mean, and names, parted by semicolons.
        create_only: Whether pages that are there are left as they are: Notion's word counts.
        timeout: Seconds for one call.
        patience: Seconds that a pause asked for by a service is waited for.
        linger: Seconds that a run waits for things that are to be tried again.
        probe_waits: Seconds before the first and the second look for a page whose answer was lost.
        verify_seconds: Seconds to wait until queries see what was written.
        sleep: How to wait.
    """

    notion_token: str | None = field(default=None, repr=False)
    notion_parent: str | None = None
    notion_url: str = "https://api.notion.com"
    notion_per_second: float = 2.5
    pinecone_key: str | None = field(default=None, repr=False)
    pinecone_host: str | None = None
    pinecone_index: str = "amprenta-rag"
    pinecone_cloud: str = "aws"
    pinecone_region: str = "us-east-1"
    openai_key: str | None = field(default=None, repr=False)
    openai_url: str = "https://api.openai.com"
    embedder: str = "hash-v1:512"
    model_url: str | None = None
    model_name: str | None = None
    model_key: str | None = field(default=None, repr=False)
    max_delete_fraction: float = 0.2
    allow_mass_delete: bool = False
    signature_components: str = ""
    features: str = ""
    create_only: bool = False
    timeout: float = 60.0
    patience: float = 90.0
    linger: float = 40.0
    probe_waits: tuple[float, float] = (2.0, 10.0)
    verify_seconds: float = 10.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be printed, logged or stored."""
        keys = (self.notion_token, self.pinecone_key, self.openai_key, self.model_key)
        return tuple(key for key in keys if key)

    @property
    def notion(self) -> NotionAccess:
        """How Notion is reached."""
        return NotionAccess(
            token=self.notion_token,
            url=self.notion_url,
            per_second=self.notion_per_second,
            timeout=self.timeout,
            patience=self.patience,
            secrets=self.secrets,
            sleep=self.sleep,
        )


def options_of(settings: Settings) -> Options:
    """The options that the settings give."""

    def plain(secret: object) -> str | None:
        reveal = getattr(secret, "get_secret_value", None)
        return str(reveal()) if reveal is not None else None

    return Options(
        notion_token=plain(settings.notion_token),
        notion_parent=settings.notion_parent_page,
        notion_url=settings.notion_base_url,
        notion_per_second=settings.notion_requests_per_second,
        pinecone_key=plain(settings.pinecone_api_key),
        pinecone_host=settings.pinecone_host,
        pinecone_index=settings.pinecone_index,
        pinecone_cloud=settings.pinecone_cloud,
        pinecone_region=settings.pinecone_region,
        openai_key=plain(settings.openai_api_key),
        openai_url=settings.openai_base_url,
        embedder=settings.embedder,
        model_url=settings.model_url,
        model_name=settings.model_name,
        model_key=plain(settings.model_api_key),
        max_delete_fraction=settings.max_delete_fraction,
        signature_components=settings.notion_signature_components or "",
        features=settings.notion_features or "",
        create_only=not settings.use_postgres_as_sot,
    )
