"""Search over the examples, right after load and build: nothing is set up, no key, no network."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from omics.notations import read_lipid
from sync.options import Options
from sync.searching import answering
from sync.searching.model import SearchAnswer
from tests.end_to_end.conftest import Omics

Conn = psycopg.Connection[Any]


def _ask(conn: Conn, text: str, **more: Any) -> SearchAnswer:
    filters = {key: more.pop(key) for key in list(more) if key not in ("limit", "seconds")}
    return answering.answer(
        conn,
        text,
        Options(),
        filters=answering.filters_of(**filters),
        readers=(read_lipid,),
        **more,
    )


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Statin response", "Statin response"),
        ("statin_vs_vehicle_deseq2", "statin_vs_vehicle_deseq2"),
        ("hepatocyte_lipids.csv", "Hepatocyte lipids"),
        ("HEP01", "Hepatocytes under simvastatin"),
        ("LIP", "Lipid lowering"),
        ("HGNC:5006", "HMGCR"),
        ("P04035", "HMDH_HUMAN"),
        ("IL-6", "IL6"),
        ("HMG-CoA reductase", "HMGCR"),
        ("TAG(52:2)", "TG 52:2"),
    ],
)
def test_what_is_called_exactly_so_stands_first(examples: Conn, text: str, title: str) -> None:
    found = _ask(examples, text)
    assert found.hits[0].title == title
    assert found.hits[0].exact


def test_a_lipid_is_found_at_the_level_that_is_known_and_the_hit_says_so(examples: Conn) -> None:
    first = _ask(examples, "PC(16:0/18:1)").hits[0]
    assert (first.title, first.entity_type) == ("PC 34:1", "feature")
    assert "at the level SPECIES" in first.why[0]
    assert "SN_POSITION" in first.why[0]
    assert {"Hepatocyte lipids", "Medium lipids"} <= {
        hit.title for hit in _ask(examples, "PC(16:0/18:1)").hits
    }


def test_the_command_prints_and_gives_json(omics: Omics, examples: Conn) -> None:
    assert examples.info.dbname
    printed = omics("search", "which hepatocite lipids changed").stdout
    assert "hepatocite was read as" in printed
    assert "omics why" in printed
    document = json.loads(omics("search", "Statin response", "--json").stdout)
    assert document["hits"][0]["title"] == "Statin response"
    assert document["degraded"] == []
    assert set(document["paths"]) == {"names", "full_text", "pgvector"}
    assert omics("search", "x", "--omics-type", "astrology", codes=(1,)).returncode == 1
