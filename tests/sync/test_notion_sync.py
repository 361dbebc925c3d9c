"""Entities to Notion pages: what is out there afterwards, and what it cost."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import publish, state
from sync.options import Options
from tests.standins.notion import NotionStandIn, Page, rate_limited, refuse
from tests.standins.server import Answer, Fault
from tests.sync.marts import drop, id_of, link, match, put

Conn = psycopg.Connection[Any]
DATASETS = "Experimental Data Assets"


def _apply(conn: Conn, options: Options, **more: Any) -> Any:
    report = publish.apply(conn, replace(options, **more), services=["notion"])
    # Shown when a test fails.
    for each in report.targets:
        sys.stdout.write(f"{each}\n")
    for row in conn.execute("select state, error from sync.items where error is not null limit 5"):
        sys.stdout.write(f"{row}\n")
    return report


def _due(conn: Conn) -> None:
    conn.execute("update sync.items set next_attempt_at = now()")


def _names(notion: NotionStandIn, title: str = DATASETS) -> list[str]:
    column = {DATASETS: "Experiment Name", "Programs": "Program"}.get(title, "Name")
    return sorted(notion.text(page, column) for page in notion.rows(title))


def _page(notion: NotionStandIn, entity: str, title: str = DATASETS) -> Page:
    (page,) = [p for p in notion.rows(title) if notion.text(p, "PG ID") == id_of(entity)]
    return page


def _state(conn: Conn, entity: str) -> Any:
    row = conn.execute(
        "select state from sync.items where entity_id = %s", (id_of(entity),)
    ).fetchone()
    return row[0] if row else None


def test_entities_become_pages_with_the_names_people_know(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "programs", "ALS", disease=["ALS"])
    put(marts, "experiments", "mouse", type="in vivo", model_systems=["SOD1, G93A"])
    put(
        marts, "datasets", "plate 7", omics_type="lipidomics", summary="long " * 1000,
        external_ids='{"doi": "10.1000/xyz"}', disease=["ALS", "ALS"],
    )  # fmt: skip
    assert _apply(marts, notion_options).status == "done"
    page = _page(notion, "plate 7")
    assert page.properties["Omics Type"]["select"]["name"] == "lipidomics"
    assert notion.text(page, "Summary") == "long " * 1000
    assert page.properties["Source URL / DOI"]["url"] == "https://doi.org/10.1000/xyz"
    assert [entry["name"] for entry in page.properties["Disease"]["multi_select"]] == ["ALS"]
    mouse = _page(notion, "mouse", "Experiments")
    assert [o["name"] for o in mouse.properties["Model Systems"]["multi_select"]] == ["SOD1; G93A"]
    rows = marts.execute("select entity_type, entity_id, page_id from sync.notion_pages").fetchall()
    assert ("dataset", id_of("plate 7"), page.id) in rows
    assert len(rows) == 3


def test_one_call_per_new_page_and_none_for_the_same(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "programs", "p")
    for number in range(5):
        put(marts, "datasets", f"d{number}")
    link(marts, "program_datasets", [("p", f"d{number}") for number in range(5)])
    _apply(marts, notion_options)
    notion.forget_calls()
    for number in range(5, 12):
        put(marts, "datasets", f"d{number}")
    _apply(marts, notion_options)
    # One to look at the data source, one for each page.
    assert notion.count() == 1 + 7
    notion.forget_calls()
    report = _apply(marts, notion_options)
    assert notion.count() == 0
    assert {r.planned["same"] for r in report.targets} == {1, 12}
    put(marts, "datasets", "d3", summary="changed")
    _apply(marts, notion_options)
    assert (notion.count("PATCH", "/pages/"), notion.count("POST", "/pages")) == (1, 0)


def test_relations_go_both_ways_past_a_hundred(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "programs", "big")
    names = [f"d{number}" for number in range(120)]
    for name in names:
        put(marts, "datasets", name)
    link(marts, "program_datasets", [("big", name) for name in names])
    assert _apply(marts, notion_options, notion_per_second=1000.0).status == "done"
    program = _page(notion, "big", "Programs")
    assert len(notion.related(program, "Datasets")) == 120
    assert notion.related(_page(notion, "d7"), "Related Programs") == {program.id}
    # One leaves; the others stay.
    link(marts, "program_datasets", [("big", name) for name in names[1:]])
    notion.forget_calls()
    assert _apply(marts, notion_options).status == "done"
    assert len(notion.related(program, "Datasets")) == 119
    assert notion.count("PATCH", "/pages/") == 1


def test_experiments_and_signatures_name_each_other_past_a_hundred(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    many = [f"s{number}" for number in range(120)]
    for name in [*many, "broad"]:
        put(marts, "signatures", name)
    studies = [f"e{number}" for number in range(105)]
    for name in ["screen", *studies]:
        put(marts, "experiments", name)
    pairs = [("screen", name) for name in many] + [(name, "broad") for name in studies]
    link(marts, "experiment_signatures", pairs)
    assert _apply(marts, notion_options, notion_per_second=1000.0).status == "done"
    screen = _page(notion, "screen", "Experiments")
    broad = _page(notion, "broad", "Lipid Signatures")
    assert len(notion.related(screen, "Readout Signatures")) == 120
    assert len(notion.related(broad, "Source Experiments")) == 105
    first = _page(notion, "s0", "Lipid Signatures")
    assert notion.related(first, "Source Experiments") == {screen.id}
    notion.forget_calls()
    assert _apply(marts, notion_options).status == "done"
    assert notion.count() == 0
    # One pair of each side leaves, and takes no other along.
    link(marts, "experiment_signatures", [pair for pair in pairs if pair[0] != "e7"][1:])
    assert _apply(marts, notion_options, notion_per_second=1000.0).status == "done"
    assert len(notion.related(screen, "Readout Signatures")) == 119
    assert len(notion.related(broad, "Source Experiments")) == 104


def test_a_partner_that_leaves_while_another_page_grows_past_a_hundred(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "signatures", "broad")
    studies = [f"e{number}" for number in range(105)]
    for name in studies:
        put(marts, "experiments", name)
    link(marts, "experiment_signatures", [(name, "broad") for name in studies[:100]])
    assert _apply(marts, notion_options, notion_per_second=1000.0).status == "done"
    broad = _page(notion, "broad", "Lipid Signatures")
    assert len(notion.related(broad, "Source Experiments")) == 100
    # The page itself named all of them until now, and is too large to say that one has left.
    link(marts, "experiment_signatures", [(name, "broad") for name in studies[1:]])
    assert _apply(marts, notion_options, notion_per_second=1000.0).status == "done"
    related = notion.related(broad, "Source Experiments")
    assert len(related) == 104
    assert _page(notion, "e0", "Experiments").id not in related
    notion.forget_calls()
    assert _apply(marts, notion_options).status == "done"
    assert notion.count() == 0


def test_a_hub_is_named_by_its_partners(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "hub")
    put(marts, "datasets", "small")
    names = [f"s{number}" for number in range(105)]
    for name in names:
        put(marts, "signatures", name)
    pairs = [("hub", name) for name in names] + [("small", "s3")]
    match(marts, pairs)
    assert _apply(marts, notion_options, notion_per_second=1000.0).status == "done"
    assert len(notion.related(_page(notion, "hub"), "Related Signature(s)")) == 105
    assert len(notion.related(_page(notion, "small"), "Related Signature(s)")) == 1
    shared = _page(notion, "s3", "Lipid Signatures")
    assert len(notion.related(shared, "External Datasets")) == 2
    notion.forget_calls()
    assert _apply(marts, notion_options).status == "done"
    assert notion.count() == 0


def test_databases_that_are_there_are_adopted_and_completed(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    parent = str(notion_options.notion_parent)
    made = notion._create_database(
        {
            "parent": {"type": "page_id", "page_id": parent},
            "title": [{"text": {"content": DATASETS}}],
            "initial_data_source": {
                "properties": {
                    "Der Titel": {"title": {}},
                    "Summary": {"rich_text": {}},
                    "Our own": {"number": {}},
                }
            },
        },
        None,
    )
    put(marts, "datasets", "d")
    assert _apply(marts, notion_options).status == "done"
    source = notion.data_sources[made["data_sources"][0]["id"]]
    assert {"Der Titel", "Our own", "PG ID", "Omics Type"} <= set(source.properties)
    assert notion.text(_page(notion, "d"), "Der Titel") == "d"
    assert len(notion.databases) == 1
    notion.forget_calls()
    _apply(marts, notion_options)
    assert notion.count() == 0


def test_a_property_of_another_type_is_not_retyped(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    parent = str(notion_options.notion_parent)
    notion._create_database(
        {
            "parent": {"type": "page_id", "page_id": parent},
            "title": [{"text": {"content": DATASETS}}],
            "initial_data_source": {
                "properties": {"Name": {"title": {}}, "Summary": {"number": {}}}
            },
        },
        None,
    )
    put(marts, "datasets", "d")
    report = _apply(marts, notion_options)
    assert report.status == "failed"
    assert "Summary" in str(report.targets[0].message)
    assert _state(marts, "d") == "pending"


# The fault matrix: answers that are lost, refusals, people ---------------------------------------


def test_a_create_whose_answer_is_lost_makes_one_page(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    notion.faults.append(Fault("POST", "^/v1/pages$", drop="after"))
    put(marts, "datasets", "d")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["d"]
    assert notion.count("POST", "^/v1/pages$") == 1


def test_a_create_that_never_arrived_is_made_after_two_looks(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    notion.faults.append(Fault("POST", "^/v1/pages$", drop="before"))
    put(marts, "datasets", "d")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["d"]
    assert notion.count("POST", "/query") == 2


def test_a_lost_answer_and_queries_that_lag(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    notion.query_lag = 0.4
    notion.faults.append(Fault("POST", "^/v1/pages$", drop="after"))
    put(marts, "datasets", "d")
    assert _apply(marts, notion_options, probe_waits=(0.1, 0.6)).status == "done"
    assert _names(notion) == ["d"]
    assert notion.count("POST", "^/v1/pages$") == 1


def test_a_lag_longer_than_both_looks_is_healed_by_reconcile(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    notion.query_lag = 2.0
    notion.faults.append(Fault("POST", "^/v1/pages$", drop="after"))
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    first, second = notion.rows(DATASETS)
    notion.query_lag = 0.0
    report = publish.reconcile(marts, notion_options, services=["notion"])
    assert report.status == "done"
    assert [page.id for page in notion.rows(DATASETS)] == [min(first, second, key=_age).id]
    assert state.remote_ids(marts, "notion", "dataset") == {id_of("d"): notion.rows(DATASETS)[0].id}
    assert publish.plan(marts, notion_options, services=["notion"]).targets[0].sent == 0


def _age(page: Page) -> tuple[float, str]:
    return (page.created // 60, page.id)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (rate_limited(1), 1.0),
        (rate_limited(75), 75.0),
        (Answer(429, {**rate_limited(0).body}), 5.0),
        (Answer(429, "<html>too many</html>", {"content-type": "text/html"}), 5.0),
        (Answer(529, {"object": "error", "status": 529, "code": "service_overload",
                      "message": "busy"}, {"retry-after": "2"}), 2.0),
    ],
    ids=["1 s", "75 s", "no header", "html", "529"],
)  # fmt: skip
def test_a_pause_that_is_asked_for_binds_every_worker(
    marts: Conn, notion: NotionStandIn, notion_options: Options, answer: Answer, seconds: float
) -> None:
    put(marts, "datasets", "d")
    notion.faults.append(Fault("POST", "^/v1/pages$", answer=answer))
    # This run does not wait so long and ends; nothing was an attempt.
    began = time.monotonic()
    report = _apply(marts, notion_options, patience=0.0)
    assert report.status == "partial"
    row = marts.execute(
        "select extract(epoch from blocked_until - now())::float8 from ops.budgets"
    ).fetchone()
    assert row is not None
    assert seconds - (time.monotonic() - began) - 0.1 < row[0] <= seconds
    assert marts.execute("select state, attempts from sync.items").fetchone() == ("pending", 0)
    # Another worker keeps the pause, too; however slow this machine is, it has not passed.
    marts.execute("update ops.budgets set blocked_until = now() + interval '1 minute'")
    notion.forget_calls()
    assert _apply(marts, notion_options, patience=0.0).status == "partial"
    assert notion.count() == 0
    marts.execute("update ops.budgets set blocked_until = now()")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["d"]


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("committed", [True, False])
def test_server_errors_on_a_create_are_in_doubt(
    marts: Conn, notion: NotionStandIn, notion_options: Options, status: int, committed: bool
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    put(marts, "datasets", "e")
    body = {"object": "error", "status": status, "code": "service_unavailable", "message": "x"}
    answer = Answer(status, body if status != 502 else "<html>bad gateway</html>")
    if committed:
        # The page is there although the answer says otherwise.
        notion.faults.append(Fault("POST", "^/v1/pages$", drop="after"))
    else:
        notion.faults.append(Fault("POST", "^/v1/pages$", answer=answer))
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["d", "e"]
    # An update may simply be made again.
    notion.faults.append(Fault("PATCH", "/pages/", answer=answer))
    put(marts, "datasets", "d", summary="new")
    assert _apply(marts, notion_options).status == "done"
    assert notion.text(_page(notion, "d"), "Summary") == "new"


def test_a_collision_is_tried_again_at_once(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    put(marts, "datasets", "d", summary="new")
    conflict = refuse(409, "conflict_error", "Conflict occurred while saving.").answer
    notion.faults.append(Fault("PATCH", "/pages/", times=3, answer=conflict))
    assert _apply(marts, notion_options).status == "done"
    assert notion.text(_page(notion, "d"), "Summary") == "new"
    put(marts, "datasets", "d", summary="newer")
    notion.forget_calls()
    notion.faults.append(Fault("PATCH", "/pages/", times=99, answer=conflict))
    assert _apply(marts, notion_options, linger=0.0).status == "partial"
    assert notion.count("PATCH", "/pages/") == 6
    assert _state(marts, "d") == "retry"


def test_a_refused_value_kills_its_row_only(
    marts: Conn, notion: NotionStandIn, notion_options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "bad", "c"):
        put(marts, "datasets", name, summary="x" * 2500 if name == "bad" else "x")
    with monkeypatch.context() as patch:
        patch.setattr("sync.notion.values._PIECE", 2001)
        patch.setattr("sync.notion.values._MAX_UTF16", 5000)
        assert _apply(marts, notion_options).status == "partial"
        assert _names(notion) == ["a", "c"]
        (dead,) = marts.execute("select entity_id, error, payload from sync.dead_letters")
        assert dead[0] == id_of("bad")
        assert "2000" in dead[1]
        assert dead[2]["Summary"]
        # Left alone until it changes.
        notion.forget_calls()
        assert _apply(marts, notion_options).status == "partial"
        assert notion.count() == 0
    put(marts, "datasets", "bad", summary="short")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["a", "bad", "c"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_the_target_and_no_row_is_dead(
    marts: Conn, notion: NotionStandIn, notion_options: Options, status: int
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    put(marts, "datasets", "d", summary="new")
    code = {401: "unauthorized", 403: "restricted_resource"}[status]
    notion.faults.append(
        Fault("PATCH", "/pages/", times=9, answer=refuse(status, code, "no").answer)
    )
    report = _apply(marts, notion_options)
    assert report.status == "failed"
    assert code in str(report.targets[0].message)
    assert notion.count("PATCH", "/pages/") == 1
    assert _state(marts, "d") == "pending"


def test_a_page_that_is_gone_is_made_again(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    gone = _page(notion, "d")
    del notion.pages[gone.id]
    put(marts, "datasets", "d", summary="new")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["d"]
    assert _page(notion, "d").id != gone.id


def test_a_database_that_is_no_longer_shared_stops_the_target(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    notion.source(DATASETS).shared = False
    put(marts, "datasets", "d", summary="new")
    report = _apply(marts, notion_options)
    assert report.status == "failed"
    assert "share it" in str(report.targets[0].message)
    assert _state(marts, "d") == "pending"
    # Shared again, it goes on where it was.
    notion.source(DATASETS).shared = True
    assert _apply(marts, notion_options).status == "done"
    assert len(notion.rows(DATASETS)) == 1


def test_a_page_that_people_trashed_stays_there(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    for name in ("a", "b"):
        put(marts, "datasets", name)
    _apply(marts, notion_options)
    page = _page(notion, "a")
    notion.trash(page)
    put(marts, "datasets", "a", summary="new")
    assert _apply(marts, notion_options).status == "done"
    assert _state(marts, "a") == "conflict"
    notion.forget_calls()
    put(marts, "datasets", "a", summary="newer")
    _apply(marts, notion_options)
    assert notion.count() == 0
    assert page.in_trash


@pytest.mark.parametrize("change", ["renamed", "removed"])
def test_a_property_that_people_changed_stops_the_target(
    marts: Conn, notion: NotionStandIn, notion_options: Options, change: str
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    source = notion.source(DATASETS)
    kept = source.properties["Summary"]
    if change == "renamed":
        notion.rename_property(source, "Summary", "Our summary")
    else:
        notion._drop_property(source, "Summary")
    put(marts, "datasets", "d", summary="new")
    report = _apply(marts, notion_options)
    assert report.status == "failed"
    assert "'Summary'" in str(report.targets[0].message)
    assert ("Our summary" in str(report.targets[0].message)) == (change == "renamed")
    assert _state(marts, "d") == "pending"
    assert notion.count("PATCH", "/data_sources/") == 0
    if change == "renamed":
        notion.rename_property(source, "Our summary", "Summary")
        assert kept["name"] == "Summary"
        assert _apply(marts, notion_options).status == "done"


def test_an_edit_of_a_published_property_gives_way_and_is_told(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d", summary="ours")
    _apply(marts, notion_options)
    page = _page(notion, "d")
    notion.edit(page, body="notes of people", Summary="theirs")
    publish.pull(marts, notion_options)
    (row,) = marts.execute(
        "select outcome, payload from sync.attempts where operation = 'pull'"
    ).fetchall()
    assert row[0] == "edited by people"
    assert row[1] == {"Summary": "theirs"}
    put(marts, "datasets", "d", summary="ours again")
    _apply(marts, notion_options)
    assert notion.text(page, "Summary") == "ours again"
    assert page.body == "notes of people"


def test_rows_that_leave_and_return(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    for name in ("a", "b", "c"):
        put(marts, "datasets", name)
    _apply(marts, notion_options)
    page = _page(notion, "a")
    notion.edit(page, body="written by people")
    drop(marts, "datasets", "a")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["b", "c"]
    assert page.in_trash
    put(marts, "datasets", "a")
    assert _apply(marts, notion_options).status == "done"
    assert _names(notion) == ["a", "b", "c"]
    assert not page.in_trash
    assert page.body == "written by people"


def test_an_empty_mart_deletes_nothing(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    for number in range(3):
        put(marts, "datasets", f"d{number}")
    _apply(marts, notion_options)
    drop(marts, "datasets", "d0", "d1", "d2")
    notion.forget_calls()
    report = _apply(marts, notion_options)
    assert report.status == "failed"
    assert notion.count() == 0
    assert _apply(marts, notion_options, allow_mass_delete=True).status == "done"
    assert _names(notion) == []


def test_a_page_named_by_a_sheet_is_taken_over(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "first")
    _apply(marts, notion_options)
    source = notion.source(DATASETS)
    body = {
        "parent": {"data_source_id": source.id},
        "properties": {"title": {"title": [{"text": {"content": "by hand"}}]}},
    }
    by_hand = notion._create_page(body, None)["id"]
    put(marts, "datasets", "second", notion_page_id=by_hand)
    put(marts, "datasets", "third", notion_page_id="00000000-0000-0000-0000-000000000001")
    assert _apply(marts, notion_options).status == "done"
    assert _page(notion, "second").id == by_hand
    assert _names(notion) == ["first", "second", "third"]


# Reading back ------------------------------------------------------------------------------------


def _narrative(conn: Conn, entity: str) -> Any:
    return conn.execute(
        "select markdown, is_truncated from sync.narratives where entity_id = %s", (id_of(entity),)
    ).fetchone()


def test_narratives_are_read_back(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    notion.edit(_page(notion, "d"), body="# What we saw")
    publish.pull(marts, notion_options)
    assert _narrative(marts, "d") == ("# What we saw", False)


def test_a_second_edit_in_the_same_minute_is_found(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    now = [1_800_000_000.0]
    notion.clock = lambda: now[0]
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    notion.edit(_page(notion, "d"), body="first")
    publish.pull(marts, notion_options)
    now[0] += 20
    notion.edit(_page(notion, "d"), body="second")
    publish.pull(marts, notion_options)
    assert _narrative(marts, "d") == ("second", False)


def test_a_long_body_is_read_piece_by_piece(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    page = _page(notion, "d")
    page.unknown_blocks = {"b" * 32: "the rest"}
    notion.edit(page, body="the beginning")
    publish.pull(marts, notion_options)
    assert _narrative(marts, "d") == ("the beginning\n\nthe rest", False)
    notion.faults.append(Fault("GET", "b" * 32, answer=refuse(404, "object_not_found", "x").answer))
    notion.edit(page, body="the new beginning")
    publish.pull(marts, notion_options)
    assert _narrative(marts, "d") == ("the new beginning", True)


def test_more_pages_than_one_query_gives_are_each_seen_once(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    from warehouse.notion.api import NotionApi

    now = [1_800_000_000.0]
    notion.clock = lambda: now[0]
    put(marts, "datasets", "d")
    _apply(marts, notion_options)
    source = notion.source(DATASETS)
    for _ in range(69):
        now[0] += 25
        notion._create_page({"parent": {"data_source_id": source.id}, "properties": {}}, None)
    notion.query_cap = 20
    with NotionApi(marts, notion_options.notion) as api:
        seen = [page["id"] for page in api.rows(source.id)]
    assert len(seen) == len(set(seen)) == 70


# Reconcile ---------------------------------------------------------------------------------------


def test_a_lost_ledger_is_rebuilt_from_the_pages(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "programs", "p")
    for number in range(7):
        put(marts, "datasets", f"d{number}")
    link(marts, "program_datasets", [("p", "d1"), ("p", "d2")])
    _apply(marts, notion_options)
    before = {page.id for page in notion.pages.values()}
    marts.execute("drop schema sync cascade")
    assert publish.reconcile(marts, notion_options, services=["notion"]).status == "done"
    assert _apply(marts, notion_options).status == "done"
    assert {page.id for page in notion.pages.values()} == before
    assert publish.plan(marts, notion_options, services=["notion"]).targets[0].sent == 0


def test_pages_without_a_row_leave_and_those_of_people_stay(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    for number in range(5):
        put(marts, "datasets", f"d{number}")
    _apply(marts, notion_options)
    source = notion.source(DATASETS)
    for key, title in ((id_of("orphan"), "orphan"), ("", "by hand")):
        body = {
            "parent": {"data_source_id": source.id},
            "properties": {
                "title": {"title": [{"text": {"content": title}}]},
                "PG ID": {"rich_text": [{"text": {"content": key}}] if key else []},
            },
        }
        notion._create_page(body, None)
    report = publish.reconcile(marts, notion_options, services=["notion"])
    assert report.status == "done"
    assert _names(notion) == ["by hand", *(f"d{number}" for number in range(5))]
    assert "1 page" in str(report.targets[0].message)
