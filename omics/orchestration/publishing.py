"""Publishing as assets, below the marts that dbt's exposures name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from omics.orchestration.marts import NODE
from omics.orchestration.outcomes import complete_check, completeness, step
from warehouse import exits
from warehouse.settings import get_settings

#: Service, which is also the name of its exposure in dbt, and what is published there.
PUBLISHED = {"notion": "pages", "pinecone": "vectors"}


def publishing_assets(
    service: str,
    manifest: Mapping[str, Any],
    marts: dg.AssetsDefinition,
    retries: dg.RetryPolicy,
) -> dg.AssetsDefinition:
    """Returns the step that does ``omics sync apply SERVICE``; it is skipped where that is off.

    Args:
        service: ``notion`` or ``pinecone``.
        manifest: dbt's manifest, whose exposure says which marts the service is published from.
        marts: The models as assets.
        retries: How often to try again.
    """
    exposure = next(e for e in manifest["exposures"].values() if e["name"] == service)
    read = set(exposure["depends_on"]["nodes"])
    key = dg.AssetKey([service, PUBLISHED[service]])
    spec = dg.AssetSpec(
        key,
        deps=[mart.key for mart in marts.specs if mart.metadata[NODE] in read],
        description=exposure["description"],
        group_name="publishing",
        kinds={service},
        skippable=True,
    )

    def publish(context: Any) -> Iterator[Any]:
        from omics.preparing import prepare
        from omics.publishing import exit_code_of, publish_after, sync_document
        from omics.refresh import sync_message
        from warehouse.connection import connect

        settings = get_settings()
        with connect(settings) as conn:
            prepare(conn)
            report = publish_after(settings, conn, (service,))
        if report is None:
            context.log.info(f"{service} is off: nothing is published")
            return
        code, message = exit_code_of(report), sync_message(report)
        if code == exits.FAILED:
            # Tried again by the policy: what was sent is in the ledger and is not sent twice.
            raise dg.Failure(message or "publishing failed", metadata={"exit_code": code})
        yield dg.MaterializeResult(asset_key=key, metadata=sync_document(report))
        yield completeness(key, is_complete=code == exits.DONE, metadata={"message": message or ""})

    return dg.multi_asset(
        name=f"publish_{service}",
        specs=[spec],
        check_specs=[complete_check(key, "Nothing is left for the next time.")],
        # Else Dagster would miss the check where the service is off.
        can_subset=True,
        retry_policy=retries,
    )(step(publish))
