"""What the report shows: chapters and plots from rows of the marts; `texts.yml` has the words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from warehouse.report.arithmetic import MOST_MISSING, Scale, principal_components, scale_for
from warehouse.report.model import Chapter, Kind, Plot, Report, Section
from warehouse.report.naming import free, numbered, shown, unique_names
from warehouse.report.reading import Marts, Row

_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
_GREY = "#9aa0a6"
_UP, _DOWN = "#D55E00", "#0072B2"

#: What a volcano plot calls changed.
_SIGNIFICANT = 0.05
_LEAST_CHANGE = 1.0

#: Columns of the general table that say nothing about result tables.
_OF_MATRICES = {"n_assays", "value_scale", "n_contaminants"}


@cache
def texts() -> dict[str, Any]:
    """Returns the words of the report."""
    import yaml

    read: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("texts.yml").read_text("utf-8"))
    return read


def build(marts: Marts) -> Report:
    """Reads the marts and returns the whole report."""
    totals = marts.totals()
    datasets = marts.datasets()
    names = unique_names((row["dataset_id"], row["name"]) for row in datasets)
    chapters = (
        _quality(marts),
        *_matrices(marts, datasets, names, totals["matrices"]),
        _results(marts, totals["contrasts"]),
        _mapping(marts, datasets, names),
        _signatures(marts),
        _files(marts),
    )
    return Report(
        title=texts()["head"]["title"],
        comment=_comment(marts, totals, len(datasets)),
        facts=_facts(totals),
        general={names[row["dataset_id"]]: _general(row) for row in datasets},
        general_columns=texts()["general"],
        chapters=chapters,
    )


# -- the head --------------------------------------------------------------------------------------


def _comment(marts: Marts, totals: Row, listed: int) -> str:
    head = texts()["head"]
    if not totals["datasets"]:
        return str(head["none"])
    parts = [head["text"]]
    if not marts.is_whole:
        parts.append(head["chosen"])
    return " ".join([*parts, *_ordered(listed, totals["datasets"], "datasets")])


def _facts(totals: Row) -> dict[str, str]:
    facts = {
        "Datasets": f"{totals['datasets']:,}, of them {totals['matrices']:,} matrices",
        "Values": f"{totals['n_values']:,}",
        "Quality": f"{totals['failing']:,} fail, {totals['warning']:,} warn",
    }
    if totals["newest"] is not None:
        facts["Newest data"] = f"{totals['newest']:%Y-%m-%d %H:%M} (when it was loaded)"
    return facts


def _general(row: Row) -> dict[str, Any]:
    kept = {
        name: row[name]
        for name in texts()["general"]
        if row[name] is not None and (row["n_assays"] or name not in _OF_MATRICES)
    }
    return {name: shown(value) if isinstance(value, str) else value for name, value in kept.items()}


# -- sections --------------------------------------------------------------------------------------


def _chapter(anchor: str, *sections: Section) -> Chapter:
    words = texts()["chapters"][anchor]
    return Chapter(anchor, words["name"], words["info"], sections)


def _section(
    chapter: str, anchor: str, plot: Plot | None, *, left_out: Iterable[str] = (), **fills: Any
) -> Section:
    words = texts()["chapters"][chapter]["sections"][anchor]
    if plot is None:
        return Section(anchor, words["name"], words["none"])
    text = words["text"].format(**fills) if fills else words["text"]
    return Section(anchor, words["name"], " ".join([text, *left_out]), plot)


def _ordered(count: int, total: int, what: str) -> list[str]:
    if count >= total:
        return []
    text = texts()["left_out"]["ordered"]
    return [text.format(shown=f"{count:,}", total=f"{total:,}", what=what)]


def _first(rows: Sequence[Row]) -> list[str]:
    total = rows[0]["total"] if rows else 0
    if len(rows) >= total:
        return []
    return [texts()["left_out"]["first"].format(shown=f"{len(rows):,}", total=f"{total:,}")]


def _table(anchor: str, title: str, rows: Mapping[str, Any], first: str) -> Plot | None:
    if not rows:
        return None
    options = {
        "id": f"{anchor}_table",
        "title": title,
        "col1_header": first,
        "sort_rows": False,
        "no_violin": True,
    }
    return Plot("table", (rows,), options, texts()["tables"][anchor])


def _bars(anchor: str, title: str, unit: str, rows: Mapping[str, Any], parts: str) -> Plot | None:
    return _views(
        "bar",
        anchor,
        title,
        [_View("", rows)],
        {"ylab": unit, "cpswitch_counts_label": unit.capitalize()},
        columns=texts()["bars"][parts],
    )


@dataclass(frozen=True)
class _View:
    """One of the sets of data that a switch above a plot chooses between."""

    label: str
    data: Mapping[str, Any]
    axes: Mapping[str, str] = field(default_factory=dict)


def _views(
    kind: Kind,
    anchor: str,
    title: str,
    views: Sequence[_View],
    options: Mapping[str, Any],
    *,
    columns: Mapping[str, Any] | None = None,
) -> Plot | None:
    """A plot of all views that hold something; None where none does."""
    kept = [view for view in views if view.data]
    if not kept:
        return None
    settings: dict[str, Any] = {"id": f"{anchor}_plot", "title": title, **options}
    if len(kept) == 1:
        # MultiQC drops what is said about a single view.
        (view,) = kept
        settings |= {**view.axes, **({"title": f"{title}: {view.label}"} if view.label else {})}
    else:
        settings["data_labels"] = [{"name": view.label, **view.axes} for view in kept]
    return Plot(kind, tuple(view.data for view in kept), settings, columns or {})


# -- chapters --------------------------------------------------------------------------------------


def _quality(marts: Marts) -> Chapter:
    checks = marts.checks()
    names = unique_names((row["dataset_id"], row["dataset"]) for row in checks)
    rows = {
        f"{names[row['dataset_id']]}: {row['check_name']}": {
            "status": row["status"],
            "value": row["value"],
            "threshold": row["threshold"],
            "message": shown(row["message"], 300),
        }
        for row in checks
    }
    table = _table("checks", "Checks", rows, "Dataset and check")
    return _chapter("quality", _section("quality", "checks", table, left_out=_first(checks)))


def _matrices(
    marts: Marts, datasets: Sequence[Row], names: Mapping[Any, str], total: int
) -> Iterable[Chapter]:
    """Everything about matrices; each is read once, and memory holds one at a time."""
    matrices = [row for row in datasets if row["data_shape"] == "matrix" and row["n_assays"]]
    drawn = matrices[: marts.limits.matrices]
    missing: list[_View] = []
    boxes: list[_View] = []
    components: list[_View] = []
    thinned = False
    for dataset in drawn:
        label = names[dataset["dataset_id"]]
        assays = marts.assays(dataset)
        thinned |= len(assays) < dataset["n_assays"]
        titles = numbered((assay["position"], assay["name"]) for assay in assays)
        signs = marts.signs(dataset)
        scale = scale_for(dataset["value_scale"], signs["n_zeros"], signs["n_negatives"])
        missing.append(_View(label, _missing(assays, titles, dataset["n_features"])))
        # Boxes lie: values run along x.
        boxes.append(
            _View(label, _boxes(assays, titles, scale), {"xlab": scale.label, "ylab": scale.label})
        )
        components.append(_components(label, marts.matrix(dataset, assays), assays, titles, scale))
    left_out = _ordered(len(drawn), total, "matrices")
    if thinned:
        limit = f"{marts.limits.assays:,}"
        left_out.append(texts()["left_out"]["assays"].format(limit=limit))
    yield _chapter(
        "missing",
        _section(
            "missing",
            "datasets",
            _bars(
                "missing_datasets",
                "Values per dataset",
                "cells",
                {names[row["dataset_id"]]: _observed(row) for row in matrices},
                "observed",
            ),
        ),
        _section(
            "missing",
            "assays",
            _views(
                "bar",
                "missing_assays",
                "Values per assay",
                missing,
                {"ylab": "rows", "cpswitch_counts_label": "Rows", "sort_samples": False},
                columns=texts()["bars"]["observed"],
            ),
            left_out=left_out,
        ),
    )
    yield _chapter(
        "abundance",
        _section(
            "abundance",
            "distributions",
            _views(
                "box",
                "distributions",
                "Distribution of the values",
                boxes,
                {"sort_samples": False},
            ),
            left_out=left_out,
        ),
    )
    yield _chapter(
        "pca",
        _section(
            "pca",
            "components",
            _views(
                "scatter",
                "components",
                "Principal components",
                components,
                {"height": 500, "showlegend": True},
            ),
            left_out=left_out,
            most_missing=f"{MOST_MISSING:.0%}",
            features=f"{marts.limits.features:,}",
        ),
    )


def _observed(row: Row) -> dict[str, int]:
    cells = int(row["n_features"] or 0) * int(row["n_assays"] or 0)
    return {"observed": row["n_values"], "missing": max(0, cells - row["n_values"])}


def _missing(assays: Sequence[Row], titles: Mapping[int, str], n_rows: int) -> dict[str, Any]:
    return {
        titles[assay["position"]]: {
            "observed": assay["n_observed"],
            "missing": max(0, n_rows - assay["n_observed"]),
        }
        for assay in assays
    }


def _boxes(assays: Sequence[Row], titles: Mapping[int, str], scale: Scale) -> dict[str, Any]:
    found = {}
    for assay in assays:
        if not assay["abundance_quantiles"]:
            continue
        _, lowest, q1, median, q3, _, highest, _ = map(scale.of, assay["abundance_quantiles"])
        if q1 is None or median is None or q3 is None:
            continue
        found[titles[assay["position"]]] = {
            "min": q1 if lowest is None else lowest,
            "q1": q1,
            "median": median,
            "q3": q3,
            "max": q3 if highest is None else highest,
            "mean": median,
        }
    return found


def _components(
    label: str,
    matrix: Sequence[Sequence[float | None]],
    assays: Sequence[Row],
    titles: Mapping[int, str],
    scale: Scale,
) -> _View:
    found = principal_components(matrix, scale)
    if found is None:
        return _View(label, {})
    by = "study_variable" if any(assay["study_variable"] for assay in assays) else "batch"
    groups = sorted({shown(assay[by], 40) for assay in assays if assay[by]})
    colours = {group: _PALETTE[at % len(_PALETTE)] for at, group in enumerate(groups)}
    points = {}
    for assay, (x, y) in zip(assays, found.points, strict=True):
        group = shown(assay[by], 40) if assay[by] else "no group"
        name = titles[assay["position"]]
        colour = colours.get(group, _GREY)
        points[name] = [{"x": x, "y": y, "name": name, "group": group, "color": colour}]
    first, second = found.explained
    return _View(
        label,
        points,
        {
            # A percent sign would be taken for the unit of the axis.
            "xlab": f"component 1 (share of the variance {first:.2f})",
            "ylab": f"component 2 ({second:.2f}), from {found.n_features:,} features",
        },
    )


def _results(marts: Marts, total: int) -> Chapter:
    contrasts = marts.contrasts()
    names = unique_names(
        (row["contrast_id"], f"{row['dataset']}: {row['name']}") for row in contrasts
    )
    views = [_View(names[row["contrast_id"]], _volcano(marts.results(row))) for row in contrasts]
    plot = _views(
        "scatter",
        "volcano",
        "Fold change and significance",
        views,
        {
            "xlab": "log2 fold change",
            "ylab": "-log10 p",
            "height": 500,
            "marker_size": 6,
            "marker_line_width": 0,
            "showlegend": True,
        },
    )
    return _chapter(
        "results",
        _section(
            "results",
            "volcano",
            plot,
            left_out=_ordered(len(contrasts), total, "contrasts"),
            significant=_SIGNIFICANT,
            points=f"{marts.limits.points:,}",
        ),
    )


def _volcano(results: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in results:
        p_value = row["p_value"] or (row["smallest"] or 1.0) / 10
        change, adjusted = row["log2_fold_change"], row["adjusted_p_value"]
        group, colour = "not changed", _GREY
        if adjusted is not None and adjusted < _SIGNIFICANT and abs(change) >= _LEAST_CHANGE:
            group, colour = ("higher", _UP) if change > 0 else ("lower", _DOWN)
        name = shown(row["name"], 40)
        point = {"x": change, "y": abs(math.log10(p_value)), "name": name}
        found.setdefault(name, []).append(point | {"group": group, "color": colour})
    return found


def _mapping(marts: Marts, datasets: Sequence[Row], names: Mapping[Any, str]) -> Chapter:
    by_type: dict[str, dict[str, int]] = {}
    for row in marts.names():
        by_type.setdefault(row["feature_type"], {})[row["status"]] = row["names"]
    per_dataset = {
        names[row["dataset_id"]]: {
            "mapped": 100 * row["mapped_fraction"],
            "unmapped": 100 * (1 - row["mapped_fraction"]),
        }
        for row in datasets
        if row["mapped_fraction"] is not None
    }
    shares = _views(
        "bar",
        "mapped_datasets",
        "Names per dataset",
        [_View("", per_dataset)],
        {"ylab": "% of the names", "cpswitch": False, "ymax": 100, "ysuffix": "%"},
        columns={key: texts()["bars"]["names"][key] for key in ("mapped", "unmapped")},
    )
    types = _bars("mapped_types", "Names per kind of molecule", "names", by_type, "names")
    return _chapter(
        "mapping",
        _section("mapping", "datasets", shares),
        _section("mapping", "types", types),
    )


def _signatures(marts: Marts) -> Chapter:
    scores = marts.scores()
    columns = unique_names((row["contrast_id"], _contrast(row)) for row in scores)
    rows = unique_names((row["signature_id"], row["signature"]) for row in scores)
    values = {(row["signature_id"], row["contrast_id"]): row["statistic"] for row in scores}
    largest = max((abs(value) for value in values.values()), default=1.0) or 1.0
    total = marts.scores_total()
    left_out = []
    if len(columns) < total["contrasts"] or len(rows) < total["signatures"]:
        left_out.append(
            texts()["left_out"]["scores"].format(
                rows=len(rows),
                all_rows=total["signatures"],
                columns=len(columns),
                all_columns=total["contrasts"],
            )
        )
    plot = Plot(
        "heatmap",
        ([[values.get((row, column)) for column in columns] for row in rows],),
        {
            "id": "signature_scores",
            "title": "Signatures and contrasts",
            "xlab": "contrast",
            "ylab": "signature",
            "zlab": "t of the regression",
            "min": -largest,
            "max": largest,
            "square": False,
            # Near zero is grey, so that it differs from a cell without a score.
            "colstops": [[0, _DOWN], [0.5, "#eceff1"], [1, _UP]],
            # MultiQC's clustering would show a missing score as 0.
            "cluster_rows": False,
            "cluster_cols": False,
            "height": max(300, 140 + 26 * len(rows)),
        },
        axes=(tuple(columns.values()), tuple(rows.values())),
    )
    section = _section("signatures", "scores", plot if scores else None, left_out=left_out)
    return _chapter("signatures", section)


def _contrast(row: Row) -> str:
    return f"{row['dataset']}: {row['contrast']}" + (" (derived)" if row["is_derived"] else "")


def _files(marts: Marts) -> Chapter:
    by_source: dict[str, dict[str, int]] = {}
    for row in marts.files():
        by_source.setdefault(row["source_name"] or "undecided", {})[row["status"]] = row["files"]
    rejects = marts.rejects()
    rejected: dict[str, Any] = {}
    for row in rejects:
        rejected[free(f"{_file(row)}: {row['reason_code']}", rejected)] = {
            "rows": row["rows"],
            "first_row": row["first_row"],
            "example": shown(row["example"], 300),
        }
    quarantine = marts.quarantine()
    refused: dict[str, Any] = {}
    for row in quarantine:
        refused[free(_file(row), refused)] = {
            "id": shown(row["quarantine_id"], 80),
            "reason": shown(row["reason"], 400),
        }
    return _chapter(
        "files",
        _section(
            "files",
            "states",
            _bars("file_states", "File versions", "file versions", by_source, "states"),
        ),
        _section(
            "files",
            "rejects",
            _table("rejects", "Rejected rows", rejected, "File and reason"),
            left_out=_first(rejects),
        ),
        _section(
            "files",
            "quarantine",
            _table("quarantine", "Quarantine", refused, "File"),
            left_out=_first(quarantine),
        ),
    )


def _file(row: Row) -> str:
    path = str(row["path"] or "a file that is gone").replace("\\", "/")
    name = shown(path.rsplit("/", 1)[-1])
    return f"{name} ({shown(row['part'], 40)})" if row["part"] else name
