"""Explains one row of any mart: each mart has a handler that finds what its rows rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError
from warehouse.lineage import datasets, files, names, notion, sheets, signatures
from warehouse.lineage.common import row_of
from warehouse.lineage.model import Explanation, Row, Subject
from warehouse.lineage.routes import routes

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]


def explain(conn: Conn, mart: str, key: Mapping[str, object]) -> Explanation:
    """Explains one row of a mart.

    Args:
        conn: Connection that reads marts, intermediate, raw schemas and `ops`.
        mart: Name of the mart.
        key: Values of its key columns, see `marts.yml`.

    Raises:
        OmicsError: There is no such mart, key or row.
    """
    route = routes().get(mart)
    if route is None:
        raise OmicsError(
            f"there is no mart {mart!r}",
            expected="one of " + ", ".join(sorted(routes())),
        )
    if set(key) != set(route.key):
        raise OmicsError(
            f"a row of {mart} is not told by {', '.join(sorted(key)) or 'nothing'}",
            expected="values of " + ", ".join(route.key),
            fix=f"omics why {mart} " + " ".join(f"--key {name}=VALUE" for name in route.key),
        )
    row = row_of(conn, mart, key)
    found = _HANDLERS[mart](conn, row)
    subject = Subject(mart, {name: row[name] for name in route.key}, found.subject.title)
    return Explanation(
        subject, row, found.origins, found.decisions, found.value, found.related, found.notes
    )


_HANDLERS: dict[str, Callable[[Any, Row], Explanation]] = {
    "assay_ranks": signatures.ranks("assay_ranks"),
    "assays": datasets.assay,
    "contrast_ranks": signatures.ranks("contrast_ranks"),
    "contrasts": datasets.contrast,
    "dataset_features": datasets.feature_row,
    "dataset_quality": datasets.quality,
    "dataset_signatures": signatures.score("dataset_signatures"),
    "datasets": notion.or_page(datasets.dataset),
    "derived_results": datasets.derived_result,
    "differential_results": datasets.result,
    "experiment_datasets": notion.or_pages(
        sheets.link_of_dataset("experiment_datasets", "experiment_id", "experiments"),
        "dataset",
        "experiment",
    ),
    "experiment_signatures": notion.or_pages(signatures.experiment, "signature", "experiment"),
    "experiments": notion.or_page(sheets.entity("experiments", "experiment_id")),
    "feature_names": names.feature_name,
    "features": names.feature,
    "loads": files.load,
    "measurements": datasets.measurement,
    "notion_pages": notion.page,
    "program_datasets": notion.or_pages(
        sheets.link_of_dataset("program_datasets", "program_id", "programs"), "dataset", "program"
    ),
    "program_experiments": notion.or_pages(sheets.program_of_experiment, "experiment", "program"),
    "program_signatures": notion.or_pages(signatures.program, "signature", "program"),
    "programs": notion.or_page(sheets.entity("programs", "program_id")),
    "reference_releases": files.release,
    "rejected_rows": files.reject,
    "samples": sheets.sample,
    "scored_observations": signatures.observation,
    "signature_cohorts": signatures.cohort,
    "signature_components": signatures.component,
    "signature_features": signatures.meaning,
    "signature_scores": signatures.score("signature_scores"),
    "signatures": notion.or_page(signatures.signature),
    "source_files": files.file,
}
_HANDLERS["documents"] = notion.document(_HANDLERS)
