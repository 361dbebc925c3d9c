"""The command ``omics ask``: what a model would get, and what it says where one is set up."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from sync.searching.asking import Reply
    from sync.searching.context import Context
    from sync.searching.model import Filters


def ask_command(
    text: str, filters: Filters, *, budget: int, limit: int, seconds: float, as_json: bool
) -> int:
    """Prints the context; with a model set up, its answer too."""
    from omics.notations import read_lipid
    from sync.options import options_of
    from sync.searching import answering, asking, context
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    settings = get_settings()
    options = options_of(settings)
    with connect(settings) as conn:
        found = answering.answer(
            conn,
            text,
            options,
            filters=filters,
            limit=limit,
            seconds=seconds,
            readers=(read_lipid,),
            notion_enabled=settings.enable_notion_sync,
        )
        built = context.build(conn, found, budget)
    reply: Reply | None = None
    trouble: str | None = None
    # Without a source there is nothing that an answer could cite.
    if options.model_url and built.sources:
        try:
            reply = asking.ask(built, options)
        except OmicsError as error:
            trouble = str(error)
    if as_json:
        output.print_json(
            {
                "context": asdict(built),
                "reply": asdict(reply) if reply else None,
                "trouble": trouble,
            }
        )
    else:
        _print(built, reply)
        if trouble is not None:
            output.warn(trouble)
    return exits.FAILED if trouble is not None else exits.DONE


def _print(built: Context, reply: Reply | None) -> None:
    if reply is None:
        output.say(built.text)
    else:
        output.say(" ".join(reply.sentences) or "The model said nothing that cites a source.")
        output.say()
    for source in built.sources:
        if reply is None or source.number in reply.cited:
            file = f"  from {source.citation.file}" if source.citation.file else ""
            output.say(f"[{source.number}] {source.title}: {source.citation.command}{file}")
    if reply is not None and reply.dropped:
        output.say(f"{len(reply.dropped)} sentences of {reply.model} cited nothing: left out")
    output.say(f"about {built.tokens:,} of {built.budget:,} tokens")
