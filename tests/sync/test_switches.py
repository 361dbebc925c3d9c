"""The three switches, all of their combinations, and what each command then does with Notion."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from loaders.load import LoadReport, LoadRequest
from omics import dbt as omics_dbt
from omics import loading, refresh
from omics.dbt import DbtRun
from sync import publish
from sync.options import options_of
from tests.standins.notion import NotionStandIn
from tests.sync.marts import put
from warehouse import doctor
from warehouse.settings import Settings

Conn = psycopg.Connection[Any]
DATASETS = "Experimental Data Assets"
SWITCHES = tuple(itertools.product((True, False), repeat=3))

#: Postgres first, Notion on, dual write, command: pages made, written on, builds, reads first.
TABLE = {
    (True, True, True, "load"): (1, 1, 1, False),
    (True, True, True, "load --create-page"): (1, 1, 1, False),
    (True, True, True, "refresh"): (1, 1, 1, True),
    (True, True, True, "sync apply"): (1, 1, 0, False),
    (True, True, False, "load"): (0, 0, 0, False),
    (True, True, False, "load --create-page"): (1, 1, 1, False),
    (True, True, False, "refresh"): (1, 1, 1, True),
    (True, True, False, "sync apply"): (1, 1, 0, False),
    (True, False, True, "load"): (0, 0, 0, False),
    (True, False, True, "load --create-page"): (0, 0, 1, False),
    (True, False, True, "refresh"): (0, 0, 1, False),
    (True, False, True, "sync apply"): (0, 0, 0, False),
    (True, False, False, "load"): (0, 0, 0, False),
    (True, False, False, "load --create-page"): (0, 0, 1, False),
    (True, False, False, "refresh"): (0, 0, 1, False),
    (True, False, False, "sync apply"): (0, 0, 0, False),
    # Notion first: a page that is missing is made; one that is there is people's.
    (False, True, True, "load"): (1, 0, 1, False),
    (False, True, True, "load --create-page"): (1, 0, 1, False),
    (False, True, True, "refresh"): (1, 0, 1, True),
    (False, True, True, "sync apply"): (1, 0, 0, False),
    (False, True, False, "load"): (0, 0, 0, False),
    (False, True, False, "load --create-page"): (1, 0, 1, False),
    (False, True, False, "refresh"): (1, 0, 1, True),
    (False, True, False, "sync apply"): (1, 0, 0, False),
    (False, False, True, "load"): (0, 0, 0, False),
    (False, False, True, "load --create-page"): (0, 0, 1, False),
    (False, False, True, "refresh"): (0, 0, 1, False),
    (False, False, True, "sync apply"): (0, 0, 0, False),
    (False, False, False, "load"): (0, 0, 0, False),
    (False, False, False, "load --create-page"): (0, 0, 1, False),
    (False, False, False, "refresh"): (0, 0, 1, False),
    (False, False, False, "sync apply"): (0, 0, 0, False),
}


class Bench:
    """The command line on marts made by hand: what loads and builds is left out and counted."""

    def __init__(self, conn: Conn, settings: Settings, notion: NotionStandIn) -> None:
        self.conn = conn
        self.notion = notion
        self.settings = settings.model_copy(
            update={
                "notion_token": SecretStr(notion.token),
                "notion_parent_page": notion.add_page("Omics"),
                "notion_base_url": notion.url,
                "notion_requests_per_second": 100.0,
            }
        )
        self.builds = 0
        self.on = self.settings

    def built(self, *_: Any, **__: Any) -> DbtRun:
        """Stands for a build that went well."""
        self.builds += 1
        return DbtRun(return_code=0)

    def run(self, command: str) -> int:
        """Runs a command; returns its exit code."""
        if command == "refresh":
            return refresh.refresh(self.on, self.conn, LoadRequest(folder="x")).exit_code
        if command == "sync apply":
            from omics.publishing import sync_command

            return sync_command("apply", None, allow_mass_delete=False, as_json=True)
        create = command.endswith("--create-page")
        return loading.load_command(LoadRequest(folder="x"), create_page=create, as_json=True)


@pytest.fixture
def bench(
    marts: Conn, settings: Settings, notion: NotionStandIn, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    found = Bench(marts, settings, notion)
    monkeypatch.setattr("warehouse.settings.get_settings", lambda: found.on)
    monkeypatch.setattr("omics.preparing.prepare", lambda conn: None)
    monkeypatch.setattr("loaders.load.load", lambda *_, **__: LoadReport())
    monkeypatch.setattr("omics.refresh.stale_sources", lambda *_: [])
    monkeypatch.setattr("omics.building.run_dbt", found.built)
    monkeypatch.setattr("omics.searching.index_after", lambda *_: None)
    from loaders.load import prepare

    prepare(marts)
    return found


def test_the_table_is_whole() -> None:
    commands = ("load", "load --create-page", "refresh", "sync apply")
    assert set(TABLE) == {(*switches, word) for switches in SWITCHES for word in commands}


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_what_each_command_does(bench: Bench, switches: tuple[bool, bool, bool]) -> None:
    first, enabled, dual = switches
    whole = bench.settings.model_copy(update={"enable_notion_sync": True})
    put(bench.conn, "datasets", "old", summary="as published")
    publish.apply(bench.conn, options_of(whole), services=["notion"])
    bench.on = bench.settings.model_copy(
        update={
            "use_postgres_as_sot": first,
            "enable_notion_sync": enabled,
            "enable_dual_write": dual,
        }
    )
    for number, (key, expected) in enumerate(TABLE.items()):
        if key[:3] != switches:
            continue
        put(bench.conn, "datasets", "old", summary=f"changed {number}")
        put(bench.conn, "datasets", f"new {number}")
        bench.builds = 0
        bench.notion.forget_calls()
        assert bench.run(key[3]) == 0
        calls = [(call.method, call.path.split("/")[2]) for call in bench.notion.calls]
        made = sum(call == ("POST", "pages") for call in calls)
        written = sum(call == ("PATCH", "pages") for call in calls)
        assert (made, written, bench.builds, ("POST", "search") in calls[:1]) == expected, key
        if not enabled:
            assert calls == []
        # What this command left undone is none of the next one's business.
        publish.apply(bench.conn, options_of(whole), services=["notion"])


def test_a_page_that_fails_stays_in_the_outbox_and_the_code_is_2(bench: Bench) -> None:
    from tests.standins.notion import refuse
    from tests.standins.server import Fault

    bench.on = bench.settings.model_copy(
        update={"enable_notion_sync": True, "enable_dual_write": True}
    )
    put(bench.conn, "datasets", "d")
    bench.notion.faults.append(
        Fault("POST", "^/v1/pages$", answer=refuse(401, "unauthorized", "no").answer)
    )
    assert bench.run("load") == 2
    assert bench.conn.execute("select state from sync.items").fetchall() == [("pending",)]
    assert bench.run("load") == 0
    assert len(bench.notion.rows(DATASETS)) == 1


@pytest.mark.parametrize("missing", ["notion_token", "notion_parent_page"])
def test_notion_that_is_on_and_not_set_up_is_told(
    bench: Bench, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    bench.on = bench.settings.model_copy(
        update={"enable_notion_sync": True, "enable_dual_write": True, missing: None}
    )
    assert bench.run("load") == 2
    assert missing.upper() in capsys.readouterr().out
    assert bench.run("refresh") == 2


def test_dbt_is_told_whose_word_counts(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def ran(*_: Any, env: dict[str, str], **__: Any) -> Any:
        seen.append(env["USE_POSTGRES_AS_SOT"])
        return type("Ran", (), {"returncode": 0, "stdout": ""})()

    monkeypatch.setattr("omics.dbt.subprocess.run", ran)
    for value in (True, False):
        told = settings.model_copy(update={"use_postgres_as_sot": value})
        omics_dbt.run_dbt(told, ["build"], environment={})
    assert seen == ["true", "false"]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_the_doctor_says_which_mode_is_on(
    settings: Settings, switches: tuple[bool, bool, bool]
) -> None:
    first, enabled, dual = switches
    told = settings.model_copy(
        update={
            "use_postgres_as_sot": first,
            "enable_notion_sync": enabled,
            "enable_dual_write": dual,
        }
    )
    says: Callable[[Settings], doctor.Check] = doctor._mode
    mode = says(told).detail.split(":")[0]
    expected = {
        (True, True, True): "dual write",
        (True, True, False): "Postgres primary",
        (True, False, True): "Notion off",
        (True, False, False): "Notion off",
        (False, True, True): "Notion primary",
        (False, True, False): "Notion primary",
        (False, False, True): "Notion primary, without Notion",
        (False, False, False): "Notion primary, without Notion",
    }
    assert mode == expected[switches]
