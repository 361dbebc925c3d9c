"""dbt's events: what a log takes is written as dbt writes it, the rest is not made a message of."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from dbt.events.types import MainReportVersion
from dbt_common.events import event_manager, event_manager_client
from dbt_common.events.base_types import EventLevel
from dbt_common.events.functions import fire_event, get_stdout_config
from dbt_common.events.logger import LineFormat
from dbt_common.events.types import Note
from dbt_common.exceptions.events import EventCompilationError

from omics.dbt_process import skip_unheard_events


@pytest.fixture(autouse=True)
def dbt_as_it_was() -> Iterator[None]:
    before = event_manager_client.get_event_manager()
    yield
    event_manager_client.ctx_set_event_manager(before)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What dbt made a message of."""
    made: list[str] = []
    own = event_manager.msg_from_base_event

    def noted(event: object, level: EventLevel | None = None) -> object:
        made.append(event.message())  # type: ignore[attr-defined]
        return own(event, level=level)  # type: ignore[arg-type]

    monkeypatch.setattr(event_manager, "msg_from_base_event", noted)
    return made


def listen(level: EventLevel) -> StringIO:
    heard = StringIO()
    config = get_stdout_config(LineFormat.PlainText, False, level, False)
    config.output_stream = heard
    event_manager_client.add_logger_to_manager(config)
    return heard


def test_what_no_log_takes_is_not_made_a_message_of(messages: list[str]) -> None:
    skip_unheard_events()
    heard = listen(EventLevel.INFO)
    fire_event(Note(msg="a statement"), level=EventLevel.DEBUG)
    fire_event(Note(msg="a model is done"), level=EventLevel.INFO)
    fire_event(MainReportVersion(version="1", log_version=3))
    assert "a statement" not in heard.getvalue()
    assert "a model is done" in heard.getvalue()
    assert "Running with dbt" in heard.getvalue()
    assert messages == ["a model is done", "Running with dbt1"]


def test_a_log_that_takes_statements_has_them(messages: list[str]) -> None:
    skip_unheard_events()
    heard = listen(EventLevel.INFO)
    log = listen(EventLevel.DEBUG)
    fire_event(Note(msg="a statement"), level=EventLevel.DEBUG)
    assert "a statement" in heard.getvalue() + log.getvalue()
    assert messages == ["a statement"]


def test_warnings_that_are_to_be_errors_stay_errors() -> None:
    skip_unheard_events()
    event_manager_client.get_event_manager().warn_error = True
    with pytest.raises(EventCompilationError, match="deprecated"):
        fire_event(Note(msg="deprecated"), force_warn_or_error_handling=True)
