"""From what a user types to one row of one mart; several that fit are listed, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from warehouse.errors import OmicsError
from warehouse.lineage.model import Subject
from warehouse.lineage.origins import CURRENT
from warehouse.lineage.tables import first, rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Candidates that an error lists.
_LISTED = 12

#: Kinds that can be asked for by name: kind, mart, key, columns that hold a name, columns to show.
_BY_NAME = (
    ("dataset", "datasets", "dataset_id", ("name", "dataset_key")),
    ("program", "programs", "program_id", ("name", "code")),
    ("experiment", "experiments", "experiment_id", ("name", "code")),
    ("sample", "samples", "sample_id", ("name",)),
    ("signature", "signatures", "signature_id", ("name", "short_id")),
    ("feature", "features", "feature_id", ("name", "canonical_id")),
)

#: Marts with one id of their own, in the order in which an id is looked for: by index first.
_BY_ID = (
    ("dataset", "datasets", ("dataset_id",), "dataset_id"),
    ("feature", "features", ("feature_id",), "feature_id"),
    ("name", "feature_names", ("feature_name_id",), "feature_name_id"),
    ("sample", "samples", ("sample_id",), "sample_id"),
    ("program", "programs", ("program_id",), "program_id"),
    ("experiment", "experiments", ("experiment_id",), "experiment_id"),
    ("signature", "signatures", ("signature_id",), "signature_id"),
    ("release", "reference_releases", ("reference_release_id",), "reference_release_id"),
    ("file", "source_files", ("source_file_version_id",), "source_file_version_id"),
    ("contrast", "contrasts", ("dataset_id", "contrast_id"), "contrast_id"),
    ("assay", "assays", ("dataset_id", "assay_id"), "assay_id"),
    ("reject", "rejected_rows", ("rejected_row_id",), "rejected_row_id"),
)

KINDS = tuple(kind for kind, *_ in _BY_ID)


@dataclass(frozen=True)
class Within:
    """What is asked of a dataset: one row, column or value of it instead of the whole.

    Attributes:
        feature: Name or id of a feature, or ``row N``.
        assay: Name, column header or id of an assay.
        contrast: Name or id of a contrast.
        check: Name of a quality check.
        signature: Name or id of a signature, for its score.
        method: Method of the score, where there are several.
    """

    feature: str | None = None
    assay: str | None = None
    contrast: str | None = None
    check: str | None = None
    signature: str | None = None
    method: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the dataset as a whole is meant."""
        return self == Within()


def find(
    conn: Conn,
    target: str,
    *,
    places: Sequence[str] = (),
    kind: str | None = None,
    within: Within = Within(),
) -> Subject:
    """Finds the mart row that a user means.

    Args:
        conn: Connection that reads marts.
        target: Id, name, code or path.
        places: Spellings of the target as a path, absolute ones among them.
        kind: One of `KINDS`, where a name fits several.
        within: What is asked of a dataset.

    Raises:
        OmicsError: Nothing fits, or several do; the message lists them.
    """
    wanted = kind if within.is_empty else "dataset"
    found = _candidates(conn, target, tuple(dict.fromkeys((target, *places))), wanted)
    if not found:
        near = _near(conn, target)
        raise OmicsError(
            f"nothing is called {target!r}" + (f" among {wanted}s" if wanted else ""),
            where="marts",
            expected="the name, id or path of a dataset or file, the name or id of a feature, "
            "program, experiment or sample, or another id of a mart"
            + "".join(f"\n    {name}" for name in near),
            fix="see `omics status`, or: omics psql -c 'select name from datasets'",
        )
    if len(found) > 1:
        raise _several(
            f"{len(found)} rows are meant by {target!r}",
            [f"{kind} {subject.title} ({_key(subject)})" for kind, subject in found],
            fix="give the id" + ("" if kind else ", or --kind, one of " + ", ".join(KINDS)),
        )
    subject = found[0][1]
    return subject if within.is_empty else _inside(conn, subject, within)


def _candidates(
    conn: Conn, target: str, places: tuple[str, ...], kind: str | None
) -> list[tuple[str, Subject]]:
    if (identifier := _uuid(target)) is not None:
        return _by_id(conn, identifier, kind)
    found: list[tuple[str, Subject]] = []
    for name, mart, key, columns in _BY_NAME:
        if kind in (None, name):
            found += [(name, subject) for subject in _by_name(conn, target, mart, key, columns)]
    if kind in (None, "dataset", "file"):
        found += _by_file(conn, target, places, kind, known={str(s.key) for _, s in found})
    if not found:
        # Capitals count only where they tell names apart.
        for name, mart, key, columns in _BY_NAME:
            if kind in (None, name):
                folded = _by_name(conn, target, mart, key, columns, "lower({}) = lower(%s)")
                found += [(name, subject) for subject in folded]
    return found


def _by_name(
    conn: Conn,
    target: str,
    mart: str,
    key: str,
    columns: Sequence[str],
    compared: str = "{} = %s",
) -> list[Subject]:
    conditions = " or ".join(compared.format(column) for column in columns)
    matches = rows(
        conn,
        f"select {key} as id, name from marts.{mart} where {conditions} "  # noqa: S608 - constants
        f"order by name, {key} limit {_LISTED + 1}",
        [target] * len(columns),
    )
    return [Subject(mart, {key: match["id"]}, match["name"]) for match in matches]


def _near(conn: Conn, target: str) -> list[str]:
    """Names of datasets that a misspelled name comes near to."""
    from difflib import get_close_matches

    known = rows(conn, "select distinct name from marts.datasets order by name limit 20000")
    names = {row["name"].lower(): row["name"] for row in known}
    return [names[name] for name in get_close_matches(target.lower(), list(names), n=5)]


def _by_id(conn: Conn, identifier: UUID, kind: str | None) -> list[tuple[str, Subject]]:
    for name, mart, key, column in _BY_ID:
        if kind not in (None, name):
            continue
        match = first(
            conn,
            f"select * from marts.{mart} where {column} = %s limit 1",  # noqa: S608 - constants
            (identifier,),
        )
        if match is not None:
            title = str(match.get("name") or match.get("path") or identifier)
            return [(name, Subject(mart, {part: match[part] for part in key}, title))]
    return []


def _by_file(
    conn: Conn, target: str, places: tuple[str, ...], kind: str | None, *, known: set[str]
) -> list[tuple[str, Subject]]:
    """A file by path, name, hash or id: its dataset where it holds just one, else the file."""
    versions = versions_of(conn, target, places)
    found: list[tuple[str, Subject]] = []
    for path in dict.fromkeys(version["path"] for version in versions):
        of_path = [version for version in versions if version["path"] == path]
        datasets = _datasets_of(conn, of_path) if kind != "file" else []
        if len(datasets) == 1 or (kind == "dataset" and datasets):
            found += [("dataset", dataset) for dataset in datasets if str(dataset.key) not in known]
            known |= {str(dataset.key) for dataset in datasets}
        elif kind != "dataset" and not (kind is None and known):
            newest = of_path[0]["source_file_version_id"]
            found.append(
                ("file", Subject("source_files", {"source_file_version_id": newest}, path))
            )
    return found


def _datasets_of(conn: Conn, versions: Sequence[Mapping[str, Any]]) -> list[Subject]:
    ids = [
        version["dataset_id"]
        for version in versions
        if version["dataset_id"] is not None and version["status"] in CURRENT
    ]
    return [
        Subject("datasets", {"dataset_id": found["dataset_id"]}, found["name"])
        for found in rows(
            conn,
            "select dataset_id, name from marts.datasets where dataset_id = any(%s) order by name",
            (ids,),
        )
    ]


def versions_of(conn: Conn, target: str, places: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the versions of every file that a path, name, hash or id means, the current first.

    Args:
        conn: Connection that reads marts.
        target: What the user typed.
        places: Spellings of it as a path.
    """
    where, values = "path = any(%s)", [list(places)]
    order = "order by path, status = any(%s) desc, loaded_at desc nulls first, part"
    found = rows(
        conn,
        f"select * from marts.source_files where {where} {order}",  # noqa: S608 - constants
        (*values, list(CURRENT)),
    )
    if found:
        return found
    meant: list[Any]
    if re.fullmatch(r"\d{1,19}", target) and int(target) < 2**63:
        where, meant = "source_file_id = %s", [int(target)]
    elif re.fullmatch(r"[0-9a-f]{12}|[0-9a-f]{64}", target):
        where, meant = "%s in (quarantine_id, sha256)", [target]
    else:
        ending = "/" + target.lstrip("/")
        where = "right(path, %s) = %s or starts_with(regexp_replace(path, '^.*/', ''), %s)"
        meant = [len(ending), ending, target + "."]
    return rows(
        conn,
        f"select * from marts.source_files where {where} {order}",  # noqa: S608 - constants
        (*meant, list(CURRENT)),
    )


# -- inside a dataset ------------------------------------------------------------------------------


def _inside(conn: Conn, dataset: Subject, within: Within) -> Subject:
    dataset_id = dataset.key["dataset_id"]
    if within.check is not None:
        return _one(
            conn,
            dataset,
            "dataset_quality",
            "check",
            "check_name",
            "check_name = %(text)s",
            within.check,
        )
    assay = contrast = None
    if within.assay is not None:
        assay = _one(
            conn,
            dataset,
            "assays",
            "assay",
            "assay_id",
            "assay_id::text = %(text)s or name = %(text)s or source_column = %(text)s",
            within.assay,
        )
        if within.feature is None and within.signature is None:
            return assay
    if within.contrast is not None:
        contrast = _one(
            conn,
            dataset,
            "contrasts",
            "contrast",
            "contrast_id",
            "contrast_id::text = %(text)s or name = %(text)s",
            within.contrast,
        )
        if within.feature is None and within.signature is None:
            return contrast
    if within.signature is not None:
        return _score(conn, dataset, within, assay or contrast)
    feature = str(within.feature)
    shape = first(conn, "select data_shape from marts.datasets where dataset_id = %s", [dataset_id])
    if shape is not None and shape["data_shape"] == "result_table" and assay is None:
        contrast = contrast or _only_contrast(conn, dataset)
        fact = _fact(conn, dataset, "differential_results", feature, contrast)
        if fact is not None:
            return Subject("differential_results", {**contrast.key, **fact}, feature)
    elif contrast is not None:
        fact = _fact(conn, dataset, "derived_results", feature, contrast)
        if fact is not None:
            return Subject("derived_results", {**contrast.key, **fact}, feature)
    else:
        fact = _fact(conn, dataset, "dataset_features", feature, None)
        if fact is not None and assay is not None:
            return Subject("measurements", {**assay.key, **fact}, feature)
        if fact is not None:
            return Subject("dataset_features", {"dataset_id": dataset_id, **fact}, feature)
    return _rejected(conn, dataset, feature)


def _score(conn: Conn, dataset: Subject, within: Within, observation: Subject | None) -> Subject:
    """The one score of a signature in the dataset, of an observation or a method if given."""
    key = dict(observation.key) if observation is not None else {}
    found = rows(
        conn,
        "select s.dataset_id, s.signature_id, s.contrast_id, s.assay_id, s.method, "
        "coalesce(c.name, a.name, 'the dataset') as observed "
        "from marts.dataset_signatures as s inner join marts.signatures as g "
        "on s.signature_id = g.signature_id "
        "left join marts.contrasts as c "
        "on s.dataset_id = c.dataset_id and s.contrast_id = c.contrast_id "
        "left join marts.assays as a on s.dataset_id = a.dataset_id and s.assay_id = a.assay_id "
        "where s.dataset_id = %(dataset)s "
        "and %(signature)s in (g.signature_id::text, g.name, g.short_id) "
        "and (%(method)s::text is null or s.method = %(method)s) "
        "and (%(contrast)s::uuid is null or s.contrast_id = %(contrast)s) "
        "and (%(assay)s::uuid is null or s.assay_id = %(assay)s) "
        "order by s.method, c.position, a.position limit %(limit)s",
        {
            "dataset": dataset.key["dataset_id"],
            "signature": within.signature,
            "method": within.method,
            "contrast": key.get("contrast_id"),
            "assay": key.get("assay_id"),
            "limit": _LISTED + 1,
        },
    )
    if len(found) != 1:
        raise _several(
            f"{len(found)} scores of {within.signature!r} are in {dataset.title}",
            [f"--method {row['method']}, {row['observed']}" for row in found],
            fix="give --method, and --contrast or --assay" if found else "see dataset_signatures",
        )
    (row,) = found
    key = {name: value for name, value in row.items() if name != "observed"}
    return Subject("dataset_signatures", key, str(within.signature))


def _only_contrast(conn: Conn, dataset: Subject) -> Subject:
    dataset_id = dataset.key["dataset_id"]
    found = rows(
        conn,
        "select contrast_id, name from marts.contrasts where dataset_id = %s order by position",
        (dataset_id,),
    )
    if len(found) != 1:
        raise _several(
            f"{dataset.title} has {len(found)} contrasts",
            [contrast["name"] for contrast in found],
            fix="give one with --contrast",
        )
    key = {"dataset_id": dataset_id, "contrast_id": found[0]["contrast_id"]}
    return Subject("contrasts", key, found[0]["name"])


def _one(
    conn: Conn, dataset: Subject, mart: str, called: str, column: str, condition: str, text: str
) -> Subject:
    """The one row of a mart of the dataset that a text means."""
    dataset_id = dataset.key["dataset_id"]
    values = {"dataset": dataset_id, "text": text}
    of_dataset = f"select * from marts.{mart} where dataset_id = %(dataset)s"  # noqa: S608 - constants
    found = rows(conn, f"{of_dataset} and ({condition}) limit {_LISTED + 1}", values)
    label = "name" if mart != "dataset_quality" else "check_name"
    if not found:
        known = rows(conn, f"{of_dataset} limit {_LISTED + 1}", values)
        raise _several(
            f"{dataset.title} has no {called} {text!r}",
            [str(row[label]) for row in known],
            fix=f"give one of its {called}s" if known else f"it has no {called}s",
        )
    if len(found) > 1:
        raise _several(
            f"{len(found)} {called}s of {dataset.title} are called {text!r}",
            [f"{row[label]} ({row[column]})" for row in found],
            fix="give the id",
        )
    key = {"dataset_id": dataset_id, column: found[0][column]}
    return Subject(mart, key, str(found[0][label]))


def _fact(
    conn: Conn, dataset: Subject, table: str, feature: str, contrast: Subject | None
) -> dict[str, Any] | None:
    """The number of the one row that reports a feature; None where none does.

    A name as the file has it goes before the name or id of the feature that it was taken for.
    """
    values = {
        "dataset": dataset.key["dataset_id"],
        "contrast": contrast.key["contrast_id"] if contrast else None,
        "text": feature,
    }
    start = f"select f.row_number, f.reported_name from marts.{table} as f "  # noqa: S608 - constants
    condition = "where f.dataset_id = %(dataset)s"
    if contrast is not None:
        condition += " and f.contrast_id = %(contrast)s"
    numbered = re.fullmatch(r"row\s+(\d{1,18})", feature.strip())
    identifier = _uuid(feature)
    questions = []
    if numbered:
        values["row"] = int(numbered[1])
        questions.append(f"{start}{condition} and f.row_number = %(row)s")
    elif identifier is not None:
        values["id"] = identifier
        questions.append(f"{start}{condition} and f.feature_id = %(id)s")
    else:
        questions.append(f"{start}{condition} and f.reported_name = %(text)s")
        questions.append(
            f"{start}{condition} and f.feature_id = any(array(select m.feature_id "  # noqa: S608 - constants
            "from marts.features as m where m.name = %(text)s or m.canonical_id = %(text)s))"
        )
    for question in questions:
        found = rows(conn, f"{question} order by f.row_number limit {_LISTED + 1}", values)
        if len(found) > 1:
            raise _several(
                f"{len(found)} rows of {dataset.title} report {feature!r}",
                [f"row {row['row_number']}: {row['reported_name']}" for row in found],
                fix='give the row, for example --feature "row ' + f'{found[0]["row_number"]}"',
            )
        if found:
            return {"row_number": found[0]["row_number"]}
    return None


def _rejected(conn: Conn, dataset: Subject, feature: str) -> Subject:
    """The reject of a row that was not landed, asked for by its number or by its text."""
    numbered = re.fullmatch(r"row\s+(\d{1,18})", feature.strip())
    found = rows(
        conn,
        "select rejected_row_id, reason_code, row_number, column_name "
        "from intermediate.int_dataset_rejected_rows where dataset_id = %(dataset)s and "
        + ("row_number = %(row)s" if numbered else "raw_text = %(text)s")
        + f" order by row_number, column_name limit {_LISTED + 1}",
        {
            "dataset": dataset.key["dataset_id"],
            "row": int(numbered[1]) if numbered else None,
            "text": feature,
        },
    )
    if found:
        # Several cells of a row are several rejects with one cause: the first stands for them.
        return Subject("rejected_rows", {"rejected_row_id": found[0]["rejected_row_id"]}, feature)
    raise OmicsError(
        f"{dataset.title} has no row for {feature!r}",
        where=f"dataset {dataset.key['dataset_id']}",
        expected="a name as the file has it, the name or id of a feature, or 'row N'",
        fix="see the names in dataset_features or differential_results",
    )


# -- shared ----------------------------------------------------------------------------------------


def _several(what: str, candidates: Sequence[str], *, fix: str) -> OmicsError:
    shown = list(candidates[:_LISTED])
    if len(candidates) > _LISTED:
        shown.append("and more")
    listed = "one of\n" + "\n".join(f"    {candidate}" for candidate in shown)
    return OmicsError(what, where="marts", expected=listed if shown else None, fix=fix)


def _key(subject: Subject) -> str:
    return ", ".join(str(value) for value in subject.key.values())


def _uuid(text: str) -> UUID | None:
    if not re.fullmatch(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", text):
        return None
    return UUID(text)
