"""MSigDB's own formats: XML with one element per set, JSON with one key per set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loaders.model import Unreadable
from loaders.signatures import words
from loaders.signatures.model import Definition, Definitions, Member


def looks_like_xml(head: str) -> bool:
    """Whether a text begins as MSigDB's XML does."""
    start = head.lstrip("\ufeff \t\r\n")[:4000]
    return start.startswith("<") and ("<MSIGDB" in start or "<GENESET" in start)


def looks_like_json(head: str) -> bool:
    """Whether a text begins as MSigDB's JSON does."""
    start = head.lstrip("\ufeff \t\r\n")[:20_000]
    return start.startswith("{") and any(f'"{key}"' in start for key in _json_keys())


def is_json(head: str) -> bool:
    """Whether a text begins as an object of JSON does, whoever wrote it.

    >>> is_json('{"name": "a", "genes": ["TP53"]}'), is_json("TP53")
    (True, False)
    """
    return head.lstrip("\ufeff \t\r\n").startswith("{")


def read_xml(text: str, *, part: str) -> Definitions:
    """Reads sets from XML.

    Raises:
        Unreadable: If it is no well-formed XML, or declares entities, which unpack without limit.
    """
    import xml.etree.ElementTree as ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _broken(part, "declarations of entities", "XML without a document type")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - see above
    except ElementTree.ParseError as error:
        raise _broken(part, str(error), "XML that ends properly") from error
    settings: dict[str, Any] = words.load()["msigdb"]
    found = []
    for position, element in enumerate(root.iter("GENESET"), start=1):
        listed = next(
            (element.attrib[key] for key in settings["xml_members"] if element.get(key)), ""
        )
        name = element.get(settings["xml_name"]) or f"set {position}"
        found.append(_definition(name, position, listed.split(","), element.attrib))
    return Definitions(part, "MSigDB XML", "msigdb xml", tuple(found))


def read_json(text: str, *, part: str, name: str = "") -> Definitions:
    """Reads sets from JSON: MSigDB's, names with their lists, or one object with a name and a list.

    Raises:
        Unreadable: If it is no JSON, or no mapping of sets.
    """
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise _broken(part, str(error), "JSON that ends properly") from error
    if not looks_like_json(text):
        return _read_plain_json(content, part=part, name=name)
    found = []
    for position, (name, said) in enumerate(content.items(), start=1):
        if not isinstance(said, dict):
            raise _broken(part, f"{name!r} is no set", "one object with geneSymbols per set")
        key = next((key for key in _json_keys() if key in said), None)
        members = said.get(key) if key else None
        if not isinstance(members, list):
            raise _broken(part, f"{name!r} has no members", "a list in geneSymbols of each set")
        found.append(_definition(str(name), position, [str(m) for m in members], said))
    return Definitions(part, "MSigDB JSON", "msigdb json", tuple(found))


def _read_plain_json(content: Mapping[str, Any], *, part: str, name: str) -> Definitions:
    keys = [key for key in words.load()["json_lists"] if isinstance(content.get(key), list)]
    if len(keys) == 1 and not all(isinstance(said, list) for said in content.values()):
        title = str(content.get("name") or content.get("signature") or name)
        entries: list[tuple[str, Any, Mapping[str, Any]]] = [(title, content[keys[0]], content)]
    else:
        entries = [(str(title), said, {}) for title, said in content.items()]
    found = []
    for position, (title, members, said) in enumerate(entries, start=1):
        if not isinstance(members, list) or not all(isinstance(m, str | int) for m in members):
            raise _broken(
                part,
                f"{title!r} holds no list of names",
                "names of sets, each with a list of names",
            )
        fields = {key: value for key, value in said.items() if not isinstance(value, list | dict)}
        found.append(_definition(title, position, [str(m) for m in members], fields))
    if not found:
        raise _broken(part, "an empty object", "names of sets, each with a list of names")
    return Definitions(part, "JSON of sets", "json", tuple(found))


def _definition(
    name: str, position: int, members: list[str], said: Mapping[str, Any]
) -> Definition:
    fields: dict[str, str] = {}
    for key, value in said.items():
        field = words.field_of(key)
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "").strip()
        if field not in (None, "name") and text:
            fields.setdefault(str(field), text)
    listed = [member.strip() for member in members]
    return Definition(
        name, position, tuple(Member(position, m, raw=m) for m in listed if m), fields
    )


def _json_keys() -> list[str]:
    keys: list[str] = words.load()["msigdb"]["json_members"]
    return keys


def _broken(part: str, seen: str, expected: str) -> Unreadable:
    return Unreadable(
        "broken_signature_file",
        place=part or "content",
        seen=seen,
        expected=expected,
        question="Was the download complete?",
    )
