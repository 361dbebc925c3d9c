"""The command ``omics search``, and the index that it looks into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    from sync.searching.model import Filters, Hit, SearchAnswer
    from warehouse.settings import Settings


def search_command(
    text: str, filters: Filters, *, limit: int, seconds: float, as_json: bool
) -> int:
    """Searches and prints the hits."""
    from omics.notations import read_lipid
    from sync.options import options_of
    from sync.searching import answering
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        found = answering.answer(
            conn,
            text,
            options_of(settings),
            filters=filters,
            limit=limit,
            seconds=seconds,
            readers=(read_lipid,),
            notion_enabled=settings.enable_notion_sync,
        )
    if as_json:
        output.print_json(answer_document(found))
    else:
        print_answer(found)
    return exits.DONE


def like_command(wanted: str, filters: Filters, *, limit: int, as_json: bool) -> int:
    """Prints what shares most molecules with a dataset or a signature."""
    from sync.searching.like import like
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        found = like(conn, wanted, filters=filters, limit=limit)
    if as_json:
        output.print_json(answer_document(found))
    else:
        print_answer(found)
    return exits.DONE


def day_of(text: str | None, option: str) -> date | None:
    """A day as people write it to a command.

    Raises:
        OmicsError: It is no day.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise OmicsError(
            f"{text!r} is no day", where=option, expected="a day such as 2026-01-31"
        ) from None


def answer_document(found: SearchAnswer) -> dict[str, Any]:
    """An answer for machines."""
    return asdict(found)


def print_answer(found: SearchAnswer) -> None:
    """Prints an answer for people."""
    if not found.hits:
        output.say(f"Nothing was found for: {found.query}")
    for number, hit in enumerate(found.hits, 1):
        print_hit(number, hit)
    output.say()
    for sentence in found.understood:
        output.say(f"  {sentence}")
    for trouble in found.degraded:
        output.say(f"  {trouble.service} did not serve: {trouble.reason}")
    if found.stale:
        output.say("  some of this was found by an older state of the marts")
    served = ", ".join(found.paths) or "nothing"
    output.say(f"  {len(found.hits)} hits by {served} in {found.seconds:.2f} s")


def print_hit(number: int, hit: Hit) -> None:
    """Prints one hit."""
    part = f", {hit.chunk}" if hit.chunk and hit.chunk != "overview" else ""
    exact = " (exact)" if hit.exact else ""
    output.say(f"[{number}] {hit.title}  ({hit.entity_type}{part}){exact}")
    output.say(f"    {hit.passage}")
    output.say(f"    why:  {'; '.join(hit.why)}")
    if hit.narrative is not None:
        age = hit.narrative.age_seconds
        told = "just now" if hit.narrative.source == "notion" else _age(age)
        output.say(f"    note: {' '.join(hit.narrative.text.split())[:200]} ({told})")
    stale = "; found by an older text" if hit.stale else ""
    file = f"  from {hit.citation.file}" if hit.citation.file else ""
    output.say(f"    cite: {hit.citation.command}{file}{stale}")


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "as of the last build"
    if seconds < 3600:
        return f"read {seconds / 60:.0f} minutes ago"
    return f"read {seconds / 3600:.0f} hours ago"


def index_command(*, as_json: bool) -> int:
    """Brings the index of search up to date, vectors included, however long that takes."""
    from omics.preparing import prepare
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        prepare(conn)
        done = index_after(settings, conn, everything=True)
    if as_json:
        output.print_json(done)
        return exits.DONE
    output.say(
        f"{done['documents']:,} documents and the names of {done['entities']:,} entities changed,"
        f" {done['vectors']:,} vectors were made"
    )
    if done["without_vectors"]:
        output.say(f"no vectors in Postgres: {done['without_vectors']}")
    return exits.DONE


def index_after(
    settings: Settings, conn: psycopg.Connection[Any], *, everything: bool = False
) -> dict[str, Any]:
    """Brings the index up to date after a build.

    Words and names always. Vectors where they are few, or cost nothing but time and were asked for:
    a build does not wait minutes for them, and search does without.

    Args:
        settings: Settings.
        conn: An autocommit connection.
        everything: Whether to make every vector, whatever it takes.
    """
    import psycopg

    from sync.embedders import make_embedder
    from sync.options import options_of
    from sync.searching import indexing, nearness
    from warehouse.verdicts import redact

    options = options_of(settings)

    try:
        done = indexing.update(conn)
    except psycopg.Error as error:
        # The marts are what they should be; a search notices by itself that its index is behind.
        output.warn(f"the index of search is behind: {str(error).splitlines()[0]}")
        return {"documents": 0, "entities": 0, "vectors": 0, "without_vectors": "no index"}
    written, reason = 0, None
    try:
        embedder = make_embedder(options)
        reason = nearness.prepare(conn, embedder.spec)
        # A service is paid by the text: it is asked by `omics sync index` and by publishing only.
        if reason is None and (everything or embedder.spec.is_lexical):
            written = nearness.fill(
                conn, embedder, at_most=None if everything else indexing.AT_ONCE
            )
    except OmicsError as error:
        reason = error.what
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
    except Exception as error:
        # What an embedding service raises is its own.
        reason = redact(f"{type(error).__name__}: {error}", options.secrets)
    return {
        "documents": done.documents,
        "entities": done.entities,
        "vectors": written,
        "without_vectors": reason,
    }


def filters_of(
    *,
    since: str | None,
    until: str | None,
    **several: Sequence[str] | None,
) -> Filters:
    """Filters from the options of a command."""
    from sync.searching.model import Filters

    return Filters(
        since=day_of(since, "--since"),
        until=day_of(until, "--until"),
        **{name: tuple(values or ()) for name, values in several.items()},
    )
