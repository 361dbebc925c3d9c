"""How many names the references know: the end of every build's summary.

A build that maps nothing is green all the same: a reference that was forgotten, or a species that
was taken wrongly, would only be seen by who looks for it. Read from marts that hold one row per
dataset, check or signature, and no fact: a large warehouse does not make it slow.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from omics import output

if TYPE_CHECKING:
    import psycopg

_DATASETS = """
select
    datasets.feature_type, datasets.name, datasets.mapped_fraction, checks.value is not null,
    checks.status
from marts.datasets as datasets
left join marts.dataset_quality as checks
    on datasets.dataset_id = checks.dataset_id
    and checks.check_name like 'mapping\\_rate\\_%'
    and checks.value is not null
where datasets.mapped_fraction is not null
order by datasets.feature_type, datasets.mapped_fraction, datasets.name
"""

_SIGNATURES = """
select
    min(source_files.path), count(*), sum(signatures.n_components), sum(signatures.n_resolved)
from marts.signatures as signatures
left join marts.source_files as source_files
    on signatures.source_file_id = source_files.source_file_id
group by signatures.source_file_id
order by 1
"""


@dataclass(frozen=True)
class DatasetNames:
    """The names of one dataset.

    Attributes:
        feature_type: What the names are of.
        dataset: Name of the dataset.
        known: Share of its distinct names that are mapped to one molecule.
        has_reference: Whether anything that is loaded could know such names.
        status: pass, warn or fail, by the limits of the seed; None without a reference.
    """

    feature_type: str
    dataset: str
    known: float
    has_reference: bool
    status: str | None


@dataclass(frozen=True)
class SignatureNames:
    """The components of the signatures of one file."""

    path: str | None
    signatures: int
    components: int
    resolved: int

    @property
    def fraction(self) -> float | None:
        """Share of the components that a reference knows."""
        return self.resolved / self.components if self.components else None


@dataclass(frozen=True)
class KnownNames:
    """What is known of the names in all marts."""

    datasets: tuple[DatasetNames, ...] = ()
    signatures: tuple[SignatureNames, ...] = ()

    def document(self) -> dict[str, Any]:
        """Returns it for machines."""
        return {
            "datasets": [asdict(names) for names in self.datasets],
            "signatures": [
                asdict(names) | {"resolved_fraction": names.fraction} for names in self.signatures
            ],
        }


def read_known_names(conn: psycopg.Connection[Any]) -> KnownNames:
    """Reads what the last build knows of names; nothing where the marts are not built yet."""
    tables = ("datasets", "dataset_quality", "signatures", "source_files")
    row = conn.execute(
        "select bool_and(to_regclass('marts.' || name) is not null)"
        " from unnest(%s::text[]) as name",
        (list(tables),),
    ).fetchone()
    if row is None or not row[0]:
        return KnownNames()
    return KnownNames(
        tuple(DatasetNames(*found) for found in conn.execute(_DATASETS)),
        tuple(
            SignatureNames(path, count, int(components or 0), int(resolved or 0))
            for path, count, components, resolved in conn.execute(_SIGNATURES)
        ),
    )


def print_known_names(known: KnownNames) -> None:
    """Prints one line for each type of molecule and one for signatures."""
    rows = []
    for feature_type in dict.fromkeys(names.feature_type for names in known.datasets):
        of_type = [names for names in known.datasets if names.feature_type == feature_type]
        judged = [names for names in of_type if names.has_reference]
        below = [names for names in judged if names.status in ("warn", "fail")]
        lowest = judged[0] if judged else None
        rows.append(
            (
                feature_type,
                len(of_type),
                _percent(sum(names.known for names in judged) / len(judged)) if judged else "",
                f"{_percent(lowest.known)} in {lowest.dataset}" if lowest else "",
                len(below),
                len(of_type) - len(judged),
            )
        )
    if rows:
        output.print_table(
            "Names that are known, mean over datasets",
            ("names of", "datasets", "known", "lowest", "below limit", "no reference loaded"),
            rows,
        )
    if known.signatures:
        components = sum(names.components for names in known.signatures)
        resolved = sum(names.resolved for names in known.signatures)
        lowest_file = min(known.signatures, key=lambda names: names.fraction or 0.0)
        output.say(
            f"signatures: {sum(names.signatures for names in known.signatures):,} with "
            f"{components:,} components, {_percent(resolved / components) if components else '0 %'}"
            " of them known to a reference"
            + (
                f"; lowest {_percent(lowest_file.fraction or 0.0)} in {lowest_file.path}"
                if len(known.signatures) > 1
                else ""
            )
        )


def _percent(fraction: float) -> str:
    # Cut, not rounded: 100 % is said only when every name is known.
    return f"{int(fraction * 1000) / 10:g} %"
