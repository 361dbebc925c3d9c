"""The ways that `omics why` names are those that dbt goes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from warehouse.lineage.routes import routes


def _ancestors(manifest: dict[str, Any], node: str) -> Iterator[str]:
    seen, waiting = set(), [node]
    while waiting:
        for parent in manifest["parent_map"].get(waiting.pop(), []):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
                yield parent


def _names(manifest: dict[str, Any]) -> dict[str, str]:
    names = {
        node.rsplit(".", 1)[1]: node for node in manifest["nodes"] if node.startswith("model.")
    }
    for node, source in manifest["sources"].items():
        names[f"{source['schema']}.{source['name']}"] = node
    return names


#: Sources whose files take a way; the others are files with measurements.
_SOURCES = {
    "notion": ("notion",),
    "definition": ("features", "programs", "signatures"),
    "quarantine": ("",),
    "reference": ("features",),
    "sheet": ("programs",),
    "signature": ("signatures",),
}
_OMICS = ("lipidomics", "metabolomics", "proteomics", "transcriptomics")


def test_every_step_of_a_way_rests_on_the_one_before(manifest: dict[str, Any]) -> None:
    names = _names(manifest)
    for mart, route in routes().items():
        for way in route.ways:
            for source in _SOURCES.get(way, _OMICS):
                steps = route.models(way, source)
                assert steps[-1] == mart
                for before, after in pairwise(steps):
                    held = set(_ancestors(manifest, names[after]))
                    assert names[before] in held, f"{after} does not rest on {before}"


def test_every_mart_can_be_explained(manifest: dict[str, Any]) -> None:
    marts = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    }
    missing = marts - set(routes())
    assert not missing, (
        "whoever reads a number must be able to ask where it comes from: say the ways of "
        f"{sorted(missing)} in warehouse/lineage/marts.yml and give a handler in explain.py"
    )
