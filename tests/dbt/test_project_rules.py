"""Is the project built as agreed? Read from the manifest, without a database."""

from __future__ import annotations

import re
from typing import Any

import pytest

from omics.unchanged import declared_sources
from tests.conftest import REPOSITORY

#: Where facts outgrow one Postgres, these rules let the same models run distributed.
FORBIDDEN_SQL = {
    r"\brollup\s*\(|\bcube\s*\(": "sums over several groupings are not computed per shard",
    r"\bupdate\s+\S+\s+set\b": "distributed rows are replaced, never changed in place",
    r"\bnextval\s*\(|\bserial\b|\bgenerated\b.*\bidentity\b": "sequences differ between machines",
    r"\bcreate\s+trigger\b": "triggers do not run on shards",
    r"\breferences\s+\S+\s*\(": "there are no foreign keys between facts",
    r"create_distributed_table|create_reference_table": "where a table lives is said in meta",
}

LOCAL = {"source_files", "loads", "rejected_rows"}


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Models by name."""
    return {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


@pytest.fixture(scope="module")
def mart_models(models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Models of the public layer."""
    return {name: node for name, node in models.items() if node["fqn"][1] == "marts"}


def _read_by(node: dict[str, Any], manifest: dict[str, Any]) -> set[str]:
    layers = set()
    for parent in node["depends_on"]["nodes"]:
        kind = parent.split(".")[0]
        named = kind in ("source", "seed")
        layers.add(kind if named else manifest["nodes"][parent]["fqn"][1])
    return layers


def test_layers_read_only_what_they_may(
    models: dict[str, dict[str, Any]], manifest: dict[str, Any]
) -> None:
    allowed = {
        "staging": {"source"},
        "intermediate": {"staging", "intermediate", "seed"},
        "marts": {"intermediate", "marts"},
    }
    wrong = {
        name: found
        for name, node in models.items()
        if (found := _read_by(node, manifest) - allowed[node["fqn"][1]])
    }
    assert not wrong, f"models read around the layer below them: {wrong}"


def test_every_source_that_is_declared_is_read(manifest: dict[str, Any]) -> None:
    # A refresh builds when one of them was written to: one that no model reads, such as a ledger
    # with a new row for every run, would make every refresh build.
    read = {
        parent
        for node in manifest["nodes"].values()
        for parent in node["depends_on"].get("nodes", ())
    }
    assert not manifest["sources"].keys() - read


def test_sources_that_a_refresh_looks_at_are_those_of_dbt(manifest: dict[str, Any]) -> None:
    folder = REPOSITORY / "dbt_project" / "models"
    files = {str(path): path.read_bytes() for path in folder.rglob("*.yml")}
    assert sorted(declared_sources(files)) == sorted(
        f'"{source["schema"]}"."{source["identifier"]}"' for source in manifest["sources"].values()
    )


def test_schemas_are_the_layers(models: dict[str, dict[str, Any]]) -> None:
    assert {node["schema"] for node in models.values()} == {"staging", "intermediate", "marts"}
    assert all(node["schema"] == node["fqn"][1] for node in models.values())


def test_models_are_named_after_their_layer(models: dict[str, dict[str, Any]]) -> None:
    for name, node in models.items():
        layer = node["fqn"][1]
        pattern = {"staging": r"stg_\w+__\w+", "intermediate": r"int_\w+", "marts": r"[a-z_]+s"}
        assert re.fullmatch(pattern[layer], name) or name == "dataset_quality", name


def test_every_model_is_described(models: dict[str, dict[str, Any]]) -> None:
    assert not [name for name, node in models.items() if not node["description"]]


def test_every_mart_promises_its_columns(mart_models: dict[str, dict[str, Any]]) -> None:
    for name, node in mart_models.items():
        assert node["config"]["contract"]["enforced"], name
        assert node["description"].startswith("One row per "), f"{name} does not begin with grain"
        for column, promise in node["columns"].items():
            assert promise["data_type"], f"{name}.{column} has no type"
            assert promise["description"], f"{name}.{column} is not described"


def test_every_table_has_its_key_tested_and_indexed(
    mart_models: dict[str, dict[str, Any]], manifest: dict[str, Any]
) -> None:
    tested = {
        node["attached_node"].split(".")[-1]: node["test_metadata"]["kwargs"]["columns"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "grain"
    }
    for name, node in mart_models.items():
        if node["config"]["materialized"] == "view":
            continue
        unique = [set(i["columns"]) for i in node["config"]["indexes"] if i.get("unique")]
        assert unique, f"{name} has no unique index"
        assert name in tested, f"{name} has no grain test"
        assert set(tested[name]) in unique, f"the grain of {name} is not what its index says"


def test_facts_can_be_distributed(mart_models: dict[str, dict[str, Any]]) -> None:
    for name, node in mart_models.items():
        meta = node["config"]["meta"]
        if name in LOCAL:
            assert not meta, name
            continue
        assert ("distribute_by" in meta) != ("reference" in meta), f"where does {name} live?"
        if "reference" in meta:
            continue
        assert meta["distribute_by"] == "dataset_id", name
        assert node["columns"]["dataset_id"]["data_type"] == "uuid", name
        if node["config"]["materialized"] == "view":
            continue
        assert node["config"]["incremental_strategy"] == "delete+insert", name
        assert node["config"]["unique_key"] == ["dataset_id"], name
        for index in node["config"]["indexes"]:
            assert not index.get("unique") or "dataset_id" in index["columns"], name


def test_reference_tables_are_replaced_not_merged(
    mart_models: dict[str, dict[str, Any]],
) -> None:
    for name, node in mart_models.items():
        if node["config"]["meta"].get("reference"):
            assert node["config"].get("incremental_strategy") in (None, "delete+insert"), name


def test_no_mart_is_made_anew_by_every_build(mart_models: dict[str, dict[str, Any]]) -> None:
    for name, node in mart_models.items():
        assert node["config"]["materialized"] in ("incremental", "kept_table", "view"), (
            f"{name}: a refresh in which nothing changed writes no row, and readers of a table "
            "that is swapped wait; say unique_key and replaces='true', as in programs.sql"
        )


def test_no_mart_shows_what_a_build_changes_before_it_has_passed(
    models: dict[str, dict[str, Any]], mart_models: dict[str, dict[str, Any]]
) -> None:
    own = {f"model.omics.{name}" for name in mart_models}
    for name, node in mart_models.items():
        if node["config"]["materialized"] == "view":
            assert set(node["depends_on"]["nodes"]) <= own, (
                f"{name} is a view over tables that are not put back when a build fails"
            )


def test_no_sql_that_binds_to_one_machine(models: dict[str, dict[str, Any]]) -> None:
    for name, node in models.items():
        for pattern, why in FORBIDDEN_SQL.items():
            assert not re.search(pattern, node["raw_code"], re.I), f"{name}: {why}"


def test_imports_that_are_used_twice_are_not_materialized(
    models: dict[str, dict[str, Any]],
) -> None:
    """Postgres would read the whole table for the rows of one dataset."""
    imports = re.compile(r"\b(\w+) as \(\s*select \* from \{\{ ref\(")
    for name, node in models.items():
        for imported in imports.findall(node["raw_code"]):
            uses = re.findall(rf"\b(?:from|join)\s+{imported}\b", node["raw_code"])
            assert len(uses) < 2, f"{name}: write `{imported} as not materialized (`"


def test_every_macro_says_what_it_promises(manifest: dict[str, Any]) -> None:
    undescribed = [
        macro["name"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "omics"
        and not macro["name"].startswith(("materialization_", "test_"))
        and not macro["description"]
    ]
    assert not undescribed


def test_logic_has_unit_tests(manifest: dict[str, Any]) -> None:
    covered = {test["model"] for test in manifest["unit_tests"].values()}
    assert covered >= {
        "int_dataset_versions", "dataset_features", "measurements", "differential_results",
        "dataset_quality", "int_reference_entities", "int_feature_lookup",
        "int_name_members_first_half", "int_feature_names_resolved", "int_dataset_organisms",
    }  # fmt: skip


def _ancestors(manifest: dict[str, Any], node: str) -> set[str]:
    found: set[str] = set()
    waiting = [node]
    while waiting:
        for parent in manifest["parent_map"].get(waiting.pop(), []):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def test_the_lineage_leads_from_landing_to_what_reads_the_marts(manifest: dict[str, Any]) -> None:
    exposures = manifest["exposures"]
    assert {e["name"] for e in exposures.values()} >= {"notion", "pinecone", "search", "report"}
    for unique_id, exposure in exposures.items():
        direct = manifest["parent_map"][unique_id]
        layers = {manifest["nodes"][parent]["fqn"][1] for parent in direct}
        assert layers == {"marts"}, f"{exposure['name']} reads around the marts"
        landed = {node for node in _ancestors(manifest, unique_id) if node.startswith("source.")}
        assert any(".raw_" in node for node in landed), exposure["name"]
