"""Every fault that is known of Notion, Pinecone and their clients, and the tests that hold it."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import REPOSITORY

#: Number of the fault, what happens, what must come of it, and the tests, by file and name.
FAULTS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    1: (
        "Notion makes a page and its answer is lost",
        "one page, found by PG ID and not posted again",
        ("test_notion_sync.py::test_a_create_whose_answer_is_lost_makes_one_page",),
    ),
    2: (
        "the same, and queries lag behind",
        "it is looked for twice; if still missed, reconcile keeps the oldest and trashes the other",
        (
            "test_notion_sync.py::test_a_lost_answer_and_queries_that_lag",
            "test_notion_sync.py::test_a_lag_longer_than_both_looks_is_healed_by_reconcile",
        ),
    ),
    3: (
        "the process is killed between the write and the ledger",
        "Notion: looked for, then made; Pinecone: sent again",
        (
            "test_crashes.py::test_a_kill_between_the_write_and_the_ledger_makes_no_second_page",
            "test_crashes.py::test_a_kill_in_the_middle_of_a_batch_of_vectors",
            "test_crashes.py::test_a_run_that_died_between_two_items_is_marked",
            "test_crashes.py::test_a_worker_that_hangs_loses_its_items_when_the_lease_ends",
        ),
    ),
    4: (
        "429 with Retry-After 1, 75, none, and with HTML",
        "every worker keeps the pause, and no attempt is counted",
        ("test_notion_sync.py::test_a_pause_that_is_asked_for_binds_every_worker",),
    ),
    5: (
        "529, 502 with HTML, 504, 503",
        "tried again later; a create is in doubt until it is looked for",
        (
            "test_notion_sync.py::test_server_errors_on_a_create_are_in_doubt",
            "test_notion_sync.py::test_a_pause_that_is_asked_for_binds_every_worker",
        ),
    ),
    6: (
        "409 conflict",
        "again at once, five times at most",
        ("test_notion_sync.py::test_a_collision_is_tried_again_at_once",),
    ),
    7: (
        "400: a value is refused",
        "that row is dead and the others go; it lives again when it changes",
        ("test_notion_sync.py::test_a_refused_value_kills_its_row_only",),
    ),
    8: (
        "401, 403, a token that was revoked",
        "the target stops, no row is dead, search serves what it holds",
        (
            "test_notion_sync.py::test_a_refused_token_stops_the_target_and_no_row_is_dead",
            "test_pinecone_sync.py::test_a_refused_key_stops_without_a_dead_row",
            "../search/test_degraded.py::test_pinecone_fails",
        ),
    ),
    9: (
        "404 for a page that is linked",
        "its database is asked for: gone too means not shared, and stops; else it is made again",
        (
            "test_notion_sync.py::test_a_page_that_is_gone_is_made_again",
            "test_notion_sync.py::test_a_database_that_is_no_longer_shared_stops_the_target",
        ),
    ),
    10: (
        "people trashed the page",
        "it stays in the trash",
        ("test_notion_sync.py::test_a_page_that_people_trashed_stays_there",),
    ),
    11: (
        "people renamed or removed a property",
        "the target stops and says so; nothing is dropped or retyped",
        (
            "test_notion_sync.py::test_a_property_that_people_changed_stops_the_target",
            "test_notion_sync.py::test_a_property_of_another_type_is_not_retyped",
        ),
    ),
    12: (
        "people edited a published property",
        "Postgres wins at the next change, and the edit is written down",
        ("test_notion_sync.py::test_an_edit_of_a_published_property_gives_way_and_is_told",),
    ),
    13: (
        "more pages than one query gives",
        "each is seen once",
        (
            "test_notion_sync.py::test_more_pages_than_one_query_gives_are_each_seen_once",
            "../loading/test_notion.py::test_whole_databases_are_landed_and_then_only_what_is_new",
        ),
    ),
    14: (
        "markdown comes truncated, with blocks left out",
        "they are fetched one by one; what is still missing is marked",
        ("test_notion_sync.py::test_a_long_body_is_read_piece_by_piece",),
    ),
    15: (
        "a body is edited again in the minute in which it was read",
        "the next reading finds it",
        (
            "test_notion_sync.py::test_a_second_edit_in_the_same_minute_is_found",
            "../loading/test_notion.py::test_a_second_edit_in_the_same_minute_is_found",
        ),
    ),
    16: (
        "Pinecone answers 503, drops or times out within a batch",
        "sent again: the same ids, as many",
        (
            "test_pinecone_sync.py::test_a_batch_that_failed_is_sent_again",
            "test_pinecone_sync.py::test_a_timeout_is_an_answer_that_is_lost",
        ),
    ),
    17: (
        "one vector of a batch is refused",
        "halved until it is found; that one is dead, the others are sent",
        ("test_pinecone_sync.py::test_one_poisoned_row_is_found_and_the_others_go",),
    ),
    18: (
        "413, more than 2 MB",
        "split by bytes, and halved if that was wrong",
        (
            "test_pinecone_sync.py::test_large_batches_are_split_by_bytes",
            "test_pinecone_sync.py::test_a_request_that_is_too_large_all_the_same_is_halved",
        ),
    ),
    19: (
        "another dimension, another model",
        "refused before any write; a namespace of its own, and reads switch when it is whole",
        (
            "test_pinecone_sync.py::test_another_dimension_is_refused_before_any_write",
            "test_pinecone_sync.py::"
            "test_another_model_gets_a_namespace_of_its_own_and_then_the_reads",
        ),
    ),
    20: (
        "a row is deleted in Postgres",
        "all its vectors are gone, its page is trashed, and it is no hit meanwhile",
        (
            "test_pinecone_sync.py::test_a_deleted_row_takes_all_its_chunks_along",
            "test_notion_sync.py::test_rows_that_leave_and_return",
            "../search/test_degraded.py::test_a_row_that_is_gone_is_no_hit",
        ),
    ),
    21: (
        "the marts are empty, or most of them",
        "the guard stops the run: nothing is deleted",
        (
            "test_pinecone_sync.py::test_a_mass_delete_is_stopped",
            "test_notion_sync.py::test_an_empty_mart_deletes_nothing",
        ),
    ),
    22: (
        "a text shrinks from five parts to two",
        "the others are deleted, after the upsert",
        ("test_pinecone_sync.py::test_chunks_that_are_gone_are_deleted_after_the_upsert",),
    ),
    23: (
        "metadata change and the text does not",
        "nothing is embedded; a key that is gone disappears",
        ("test_pinecone_sync.py::test_changed_metadata_is_sent_with_the_cached_vector",),
    ),
    24: (
        "nothing changed",
        "no call and no embedding",
        (
            "test_pinecone_sync.py::test_a_second_apply_calls_nothing",
            "test_notion_sync.py::test_one_call_per_new_page_and_none_for_the_same",
        ),
    ),
    25: (
        "queries do not see yet what was written",
        "waited for to a deadline, then told",
        ("test_pinecone_sync.py::test_queries_that_lag_are_waited_for_and_then_told",),
    ),
    26: (
        "two processes at once",
        "they share the work and the pace; nothing is doubled",
        (
            "test_crashes.py::test_two_processes_share_the_work",
            "test_crashes.py::test_workers_together_keep_the_pace",
        ),
    ),
    27: (
        "the ledger is lost",
        "rebuilt from PG ID and ids; nothing new is made",
        (
            "test_notion_sync.py::test_a_lost_ledger_is_rebuilt_from_the_pages",
            "test_pinecone_sync.py::test_a_lost_ledger_is_rebuilt_from_the_ids",
        ),
    ),
    28: (
        "orphans out there",
        "reconcile finds them: ours leave, those of people are told",
        (
            "test_notion_sync.py::test_pages_without_a_row_leave_and_those_of_people_stay",
            "test_pinecone_sync.py::test_orphans_leave_and_what_is_not_ours_stays",
        ),
    ),
    29: (
        "Pinecone is down when someone searches",
        "pgvector answers within the deadline, and the answer says so",
        (
            "../search/test_degraded.py::test_pinecone_is_gone",
            "../search/test_degraded.py::test_pinecone_is_slow",
        ),
    ),
    30: (
        "Notion is down or slow when someone searches",
        "the kept copy with its age, within the deadline",
        ("../search/test_degraded.py::test_notion_does_not_answer",),
    ),
    31: (
        "429 of a monthly quota, which never clears",
        "the breaker opens, and the run ends partial with that reason",
        ("test_pinecone_sync.py::test_a_used_up_quota_opens_the_breaker",),
    ),
    32: (
        "the embedder fails, or gives the wrong length",
        "tried again later; nothing is sent",
        ("test_pinecone_sync.py::test_an_embedder_that_fails_sends_nothing",),
    ),
}


def test_all_32_faults_are_in_the_table() -> None:
    assert sorted(FAULTS) == list(range(1, 33))


@pytest.mark.parametrize("number", FAULTS)
def test_each_fault_has_tests(number: int) -> None:
    _, _, tests = FAULTS[number]
    assert tests
    for test in tests:
        place, name = test.split("::")
        path = (REPOSITORY / "tests" / "sync" / place).resolve()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        called = {
            node.func.id
            for node in ast.walk(functions[name])
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        # A test without an assertion, of its own or of its helpers, holds nothing.
        holds = [functions[name], *(functions[other] for other in called & set(functions))]
        assert any(isinstance(node, ast.Assert) for part in holds for node in ast.walk(part)), test
