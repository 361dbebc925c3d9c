"""Stand-in for Notion: pages, databases with data sources, queries, markdown bodies.

Rules are those of the versions 2025-09-03 and 2026-03-11; older ones are refused.
"""

from __future__ import annotations

import copy
import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.standins.server import Answer, Refusal, Request, StandIn

VERSIONS = ("2025-09-03", "2026-03-11")
MAX_TEXT = 2_000
MAX_RICH_TEXT_ITEMS = 100
MAX_URL = 2_000
MAX_OPTIONS = 100
MAX_RELATIONS = 100
MAX_CHILDREN = 100
MAX_BLOCKS = 1_000
MAX_BYTES = 500 * 1024
MAX_NESTING = 2
PAGE_SIZE = 100
RELATIONS_SHOWN = 25

#: Types of properties that a caller may write, and how an empty one reads.
_EMPTY: dict[str, Any] = {
    "title": [],
    "rich_text": [],
    "number": None,
    "select": None,
    "multi_select": [],
    "url": None,
    "date": None,
    "checkbox": False,
    "relation": [],
    "email": None,
    "status": None,
    "phone_number": None,
    "people": [],
    "files": [],
    "formula": {},
    "rollup": {},
    "unique_id": {},
    "created_by": {},
    "last_edited_by": {},
}

#: Those of them that only Notion itself, or a person, fills.
_READ_ONLY = ("formula", "rollup", "unique_id", "created_by", "last_edited_by")


@dataclass
class Page:
    """A page with everything that was ever true of it, so that queries can lag behind."""

    id: str
    parent: dict[str, Any]
    created: float
    edited: float
    properties: dict[str, Any] = field(default_factory=dict)
    in_trash: bool = False
    body: str = ""
    #: Ids of parts that the markdown of the page leaves out, with their own markdown.
    unknown_blocks: dict[str, str] = field(default_factory=dict)
    #: Blocks by the id of the block or page that holds them; without any, each line of the body is
    #: a paragraph.
    blocks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    history: list[tuple[float, dict[str, Any], bool]] = field(default_factory=list)
    shared: bool = True


@dataclass
class DataSource:
    """A table: name to id, type and settings of each property."""

    id: str
    database_id: str
    title: str
    properties: dict[str, dict[str, Any]]
    shared: bool = True


@dataclass
class Database:
    """A container of data sources."""

    id: str
    title: str
    parent: dict[str, Any]
    data_sources: list[str] = field(default_factory=list)


def refuse(status: int, code: str, message: str, **headers: str) -> Refusal:
    """An error as Notion writes it."""
    body = {
        "object": "error",
        "status": status,
        "code": code,
        "message": message,
        "request_id": str(uuid.uuid4()),
    }
    return Refusal(Answer(status, body, {k.replace("_", "-"): v for k, v in headers.items()}))


def invalid(message: str) -> Refusal:
    """The request body does not fit."""
    return refuse(400, "validation_error", message)


def rate_limited(seconds: int) -> Answer:
    """What a call over the budget gets."""
    body = {
        "object": "error",
        "status": 429,
        "code": "rate_limited",
        "message": "You have been rate limited. Please try again in a few minutes.",
        "additional_data": {"rate_limit_reason": "public_api_request_rate_limit"},
        "request_id": str(uuid.uuid4()),
    }
    return Answer(429, body, {"retry-after": str(seconds)})


class NotionStandIn(StandIn):
    """The server with one workspace.

    Attributes:
        token: The one token that is accepted.
        query_lag: Seconds until queries see a write.
        query_cap: Rows that one query gives at most, over all its pages.
        budget: Calls that are allowed in a window, and its seconds; none for no limit.
        refused_for_rate: How many calls went over the budget.
    """

    def __init__(self, *, token: str = "secret_test_token", **options: Any) -> None:
        super().__init__(**options)
        self.token = token
        self.query_lag = 0.0
        self.query_cap = 10_000
        self.budget: tuple[int, float] | None = None
        self.refused_for_rate = 0
        self.pages: dict[str, Page] = {}
        self.databases: dict[str, Database] = {}
        self.data_sources: dict[str, DataSource] = {}
        self._window: list[float] = []

    # For tests -----------------------------------------------------------------------------------

    def add_page(self, title: str = "Home") -> str:
        """Makes a page that the integration may use, as a person would; returns its id."""
        with self.lock:
            page = self._new_page({"type": "workspace", "workspace": True})
            page.properties["title"] = _titled(title)
            self._remember(page)
            return page.id

    def rows(self, title: str, *, with_trash: bool = False) -> list[Page]:
        """Pages of the data source of this title."""
        with self.lock:
            source = self.source(title)
            return [
                page
                for page in self.pages.values()
                if page.parent.get("data_source_id") == source.id
                and (with_trash or not page.in_trash)
            ]

    def source(self, title: str) -> DataSource:
        """The data source of this title."""
        return next(s for s in self.data_sources.values() if s.title == title)

    def text(self, page: Page, name: str) -> str:
        """A title or text property as plain text."""
        stored = page.properties.get(name) or {}
        parts = stored.get(stored.get("type", ""), []) or []
        return "".join(part["plain_text"] for part in parts)

    def related(self, page: Page, name: str) -> set[str]:
        """Ids that a relation holds."""
        return {entry["id"] for entry in (page.properties.get(name) or {}).get("relation", [])}

    def edit(self, page: Page, *, body: str | None = None, **texts: str) -> None:
        """Changes a page as a person would: its body, or text properties by name."""
        with self.lock:
            if body is not None:
                page.body = body
            for name, value in texts.items():
                name = name.replace("_", " ")
                kind = page.properties[name]["type"]
                page.properties[name] = {**page.properties[name], kind: [_text(value)]}
            page.edited = self.clock()
            self._remember(page)

    def trash(self, page: Page) -> None:
        """Puts a page into the trash as a person would."""
        with self.lock:
            page.in_trash = True
            page.edited = self.clock()
            self._remember(page)

    # Calls ---------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Does what a call asks for."""
        self._spend_budget()
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise refuse(401, "unauthorized", "API token is invalid.")
        version = request.headers.get("notion-version")
        if version is None:
            raise refuse(
                400, "missing_version",
                "Notion-Version header failed validation: Notion-Version header should be defined, "
                "instead was `undefined`.",
            )  # fmt: skip
        if version not in VERSIONS:
            raise invalid(f"Notion-Version {version} is not known to this stand-in")
        if len(request.raw) > MAX_BYTES:
            raise invalid("body failed validation: the body should be ≤ 500 KB")  # wording unknown
        try:
            body = request.json()
        except ValueError:
            raise refuse(400, "invalid_json", "Error parsing JSON body.") from None
        self._refuse_old_words(version, body)
        for method, pattern, operation in self._routes():
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return Answer(200, operation(*match.groups(), body, request))
        raise refuse(400, "invalid_request_url", "Invalid request URL.")

    def _routes(self) -> Sequence[tuple[str, str, Callable[..., Any]]]:
        one = "([^/]+)"
        return (
            ("POST", "/v1/databases", self._create_database),
            ("GET", f"/v1/databases/{one}", self._get_database),
            ("GET", f"/v1/data_sources/{one}", self._get_data_source),
            ("PATCH", f"/v1/data_sources/{one}", self._update_data_source),
            ("POST", f"/v1/data_sources/{one}/query", self._query),
            ("POST", "/v1/pages", self._create_page),
            ("GET", f"/v1/pages/{one}", self._get_page),
            ("PATCH", f"/v1/pages/{one}", self._update_page),
            ("GET", f"/v1/pages/{one}/properties/{one}", self._get_property),
            ("GET", f"/v1/pages/{one}/markdown", self._get_markdown),
            ("PATCH", f"/v1/pages/{one}/markdown", self._update_markdown),
            ("GET", f"/v1/blocks/{one}/children", self._get_children),
            ("PATCH", f"/v1/blocks/{one}/children", self._append_children),
            ("POST", "/v1/search", self._search),
            ("GET", "/v1/users/me", self._me),
        )

    def _spend_budget(self) -> None:
        if self.budget is None:
            return
        allowed, seconds = self.budget
        now = self.clock()
        self._window = [moment for moment in self._window if moment > now - seconds]
        if len(self._window) >= allowed:
            self.refused_for_rate += 1
            raise Refusal(rate_limited(math.ceil(self._window[0] + seconds - now)))
        self._window.append(now)

    def _refuse_old_words(self, version: str, body: Any) -> None:
        if version < "2026-03-11" or not isinstance(body, dict):
            return
        for old, new in (("archived", "in_trash"), ("after", "position")):
            if old in body:
                raise invalid(
                    f"body failed validation: body.{old} should be not present, use {new}"
                )  # wording unknown

    # Databases and data sources

    def _create_database(self, body: dict[str, Any], _: Request) -> Any:
        parent = body.get("parent") or {}
        if parent.get("type") == "page_id":
            self._page(parent["page_id"])
        elif parent.get("type") != "workspace":
            raise invalid("body failed validation: body.parent should be defined")
        if "properties" in body:
            raise invalid("body failed validation: body.properties should be not present")
        database = Database(str(uuid.uuid4()), _plain(body.get("title") or []), parent)
        source = DataSource(str(uuid.uuid4()), database.id, database.title, {})
        self.databases[database.id] = database
        self.data_sources[source.id] = source
        database.data_sources.append(source.id)
        wanted = (body.get("initial_data_source") or {}).get("properties") or {}
        if sum("title" in schema for schema in wanted.values()) > 1:
            raise invalid("a data source has exactly one title property")  # wording unknown
        if not any("title" in schema for schema in wanted.values()):
            wanted = {"Name": {"title": {}}, **wanted}
        for name, schema in wanted.items():
            self._add_property(source, name, schema)
        return self._database_object(database)

    def _database_object(self, database: Database) -> dict[str, Any]:
        return {
            "object": "database",
            "id": database.id,
            "title": [_text(database.title)],
            "parent": database.parent,
            "data_sources": [
                {"id": key, "name": self.data_sources[key].title} for key in database.data_sources
            ],
            "in_trash": False,
            "url": f"https://www.notion.so/{database.id.replace('-', '')}",
        }

    def _get_database(self, key: str, *_: Any) -> Any:
        database = self.databases.get(_uuid(key))
        if database is None or not self.data_sources[database.data_sources[0]].shared:
            raise _missing("database", key)
        return self._database_object(database)

    def _source_of(self, key: str) -> DataSource:
        source = self.data_sources.get(_uuid(key))
        if source is None or not source.shared:
            raise _missing("data source", key)
        return source

    def _source_object(self, source: DataSource) -> dict[str, Any]:
        return {
            "object": "data_source",
            "id": source.id,
            "title": [_text(source.title)],
            "properties": json.loads(json.dumps(source.properties)),
            "parent": {"type": "database_id", "database_id": source.database_id},
            "database_parent": self.databases[source.database_id].parent,
            "in_trash": False,
        }

    def _get_data_source(self, key: str, *_: Any) -> Any:
        return self._source_object(self._source_of(key))

    def _update_data_source(self, key: str, body: dict[str, Any], _: Request) -> Any:
        source = self._source_of(key)
        for name, schema in (body.get("properties") or {}).items():
            known = self._property_name(source, name)
            if schema is None:
                if known is None:
                    raise invalid(f"Could not find property with name or id: {name}")
                self._drop_property(source, known)
            elif known is None:
                self._add_property(source, name, schema)
            elif schema.get("name") and schema["name"] != known:
                self.rename_property(source, known, schema["name"])
            else:
                (kind,) = [word for word in schema if word not in ("name", "type", "description")]
                if kind != source.properties[known]["type"]:
                    raise invalid(f"changing the type of {name} is not done by this stand-in")
        return self._source_object(source)

    def rename_property(self, source: DataSource, old: str, new: str) -> None:
        """Renames a property; its id stays."""
        if new in source.properties:
            raise invalid(f"Property already exists: {new}")  # wording unknown
        definition = source.properties.pop(old)
        definition["name"] = new
        source.properties[new] = definition
        for page in self.pages.values():
            if page.parent.get("data_source_id") == source.id and old in page.properties:
                page.properties[new] = page.properties.pop(old)
        if definition["type"] == "relation":
            other = definition["relation"].get("dual_property")
            if other:
                mirror = self.data_sources[definition["relation"]["data_source_id"]]
                named = self._property_name(mirror, other["synced_property_id"])
                if named:
                    dual = mirror.properties[named]["relation"]["dual_property"]
                    dual["synced_property_name"] = new

    def _drop_property(self, source: DataSource, name: str) -> None:
        del source.properties[name]
        for page in self.pages.values():
            if page.parent.get("data_source_id") == source.id:
                page.properties.pop(name, None)

    def _property_name(self, source: DataSource, name_or_id: str) -> str | None:
        if name_or_id in source.properties:
            return name_or_id
        for name, definition in source.properties.items():
            if definition["id"] == name_or_id:
                return name
        return None

    def _add_property(self, source: DataSource, name: str, schema: Mapping[str, Any]) -> None:
        kinds = [word for word in schema if word in {*_EMPTY, "created_time", "last_edited_time"}]
        if len(kinds) != 1:
            raise invalid(f"body failed validation: body.properties.{name} should be a property")
        kind = kinds[0]
        if kind == "title" and any(p["type"] == "title" for p in source.properties.values()):
            raise invalid("Cannot create new title property")  # wording unknown
        identifier = "title" if kind == "title" else _short_id(source.properties.values())
        settings = json.loads(json.dumps(schema[kind] or {}))
        definition = {"id": identifier, "name": name, "type": kind, kind: settings}
        source.properties[name] = definition
        if kind in _EMPTY:
            self._give_all(source, definition)
        if kind == "relation":
            self._add_relation(source, name, definition)
        elif kind in ("select", "multi_select"):
            settings.setdefault("options", [])

    def _give_all(self, source: DataSource, definition: Mapping[str, Any]) -> None:
        """Every page has every property, empty at first."""
        for page in self.pages.values():
            if page.parent.get("data_source_id") == source.id:
                page.properties[definition["name"]] = _empty(definition)

    def _add_relation(self, source: DataSource, name: str, definition: dict[str, Any]) -> None:
        wanted = definition["relation"]
        if "database_id" in wanted and "data_source_id" not in wanted:
            raise invalid("relation should have data_source_id")  # wording unknown
        other = self._source_of(wanted["data_source_id"])
        relation: dict[str, Any] = {
            "data_source_id": other.id,
            "database_id": other.database_id,
        }
        if "dual_property" in wanted:
            # Whether a wished name of the other side is honoured is not known: here it is not.
            synced_name = f"Related to {source.title} ({name})"
            synced_id = _short_id(other.properties.values())
            relation |= {
                "type": "dual_property",
                "dual_property": {
                    "synced_property_name": synced_name,
                    "synced_property_id": synced_id,
                },
            }
            other.properties[synced_name] = {
                "id": synced_id,
                "name": synced_name,
                "type": "relation",
                "relation": {
                    "data_source_id": source.id,
                    "database_id": source.database_id,
                    "type": "dual_property",
                    "dual_property": {
                        "synced_property_name": name,
                        "synced_property_id": definition["id"],
                    },
                },
            }
            self._give_all(other, other.properties[synced_name])
        else:
            relation |= {"type": "single_property", "single_property": {}}
        definition["relation"] = relation

    # Pages

    def _new_page(self, parent: dict[str, Any]) -> Page:
        now = self.clock()
        page = Page(str(uuid.uuid4()), parent, now, now)
        self.pages[page.id] = page
        return page

    def _remember(self, page: Page) -> None:
        page.history.append((self.clock(), json.loads(json.dumps(page.properties)), page.in_trash))

    def _page(self, key: str) -> Page:
        page = self.pages.get(_uuid(key))
        if page is None or not page.shared:
            raise _missing("page", key)
        parent = page.parent.get("data_source_id")
        if parent and not self.data_sources[parent].shared:
            raise _missing("page", key)
        return page

    def _create_page(self, body: dict[str, Any], _: Request) -> Any:
        parent = body.get("parent") or {}
        if "data_source_id" not in parent:
            if "database_id" in parent:
                # wording unknown
                raise invalid(
                    "body failed validation: body.parent.data_source_id should be defined"
                )
            raise invalid("body failed validation: body.parent should be a data source here")
        source = self._source_of(parent["data_source_id"])
        if body.get("markdown") is not None and (body.get("children") or body.get("content")):
            raise invalid("body failed validation: markdown and children exclude each other")
        self._check_children(body.get("children") or [])
        values = self._checked(source, body.get("properties") or {})
        page = self._new_page({
            "type": "data_source_id",
            "data_source_id": source.id,
            "database_id": source.database_id,
        })  # fmt: skip
        for name, definition in source.properties.items():
            if definition["type"] in _EMPTY:
                page.properties[name] = _empty(definition)
        page.body = body.get("markdown") or _markdown_of(body.get("children") or [])
        self._write(source, page, values)
        return self._page_object(page)

    def _update_page(self, key: str, body: dict[str, Any], _: Request) -> Any:
        page = self._page(key)
        untrash = body.get("in_trash", body.get("archived")) is False
        if page.in_trash and not untrash and body.get("properties"):
            raise invalid(
                "Can't edit block that is archived. You must unarchive the block before editing."
            )
        if "in_trash" in body or "archived" in body:
            page.in_trash = bool(body.get("in_trash", body.get("archived")))
        if body.get("erase_content"):
            page.body = ""
        if body.get("properties"):
            source = self.data_sources[page.parent["data_source_id"]]
            self._write(source, page, self._checked(source, body["properties"]))
        page.edited = self.clock()
        self._remember(page)
        return self._page_object(page)

    def _checked(self, source: DataSource, given: Mapping[str, Any]) -> dict[str, Any]:
        values = {}
        for name_or_id, value in given.items():
            name = self._property_name(source, name_or_id)
            if name is None:
                raise invalid(f"{name_or_id} is not a property that exists.")
            definition = source.properties[name]
            kind = definition["type"]
            if kind not in value:
                raise invalid(f"{name} is expected to be {kind}.")
            self._check_value(name, kind, value[kind])
            values[name] = (kind, value[kind])
        return values

    def _check_value(self, name: str, kind: str, value: Any) -> None:
        place = f"body failed validation: body.properties.{name}.{kind}"
        if kind in ("title", "rich_text"):
            if len(value) > MAX_RICH_TEXT_ITEMS:
                raise invalid(
                    f"{place}.length should be ≤ `{MAX_RICH_TEXT_ITEMS}`, instead was "
                    f"`{len(value)}`."
                )
            for i, part in enumerate(value):
                length = len(part["text"]["content"].encode("utf-16-le")) // 2
                if length > MAX_TEXT:
                    raise invalid(
                        f"{place}[{i}].text.content.length should be ≤ `{MAX_TEXT}`, instead was "
                        f"`{length}`."
                    )
        elif kind == "number":
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float)
            ):
                raise invalid(f"{place} should be a number, instead was `{json.dumps(value)}`.")
        elif kind == "url":
            if value is not None and not 1 <= len(value) <= MAX_URL:
                raise invalid(
                    f"{place}.length should be ≤ `{MAX_URL}`, instead was `{len(value)}`."
                )
        elif kind in ("select", "multi_select"):
            options = [value] if kind == "select" else value
            if len(options) > MAX_OPTIONS:
                raise invalid(f"{place}.length should be ≤ `{MAX_OPTIONS}`.")
            for option in options:
                if option is None:
                    continue
                if "," in option.get("name", ""):
                    raise invalid("Invalid select option, commas not allowed: " + option["name"])
                if not 1 <= len(option.get("name", "")) <= 100:
                    raise invalid(f"{place}.name.length should be ≤ `100`")  # wording unknown
        elif kind == "relation":
            if len(value) > MAX_RELATIONS:
                raise invalid(
                    f"{place}.length should be ≤ `{MAX_RELATIONS}`, instead was `{len(value)}`."
                )
            for entry in value:
                self._page(entry["id"])
        elif kind == "date":
            if value is not None:
                self._check_date(place, value)
        elif kind not in _EMPTY or kind in _READ_ONLY:
            raise invalid(f"{name} cannot be written.")  # wording unknown

    def _check_date(self, place: str, value: Any) -> None:
        for end in ("start", "end"):
            moment = value.get(end) if isinstance(value, dict) else None
            if moment is None and end == "end":
                continue
            try:
                datetime.fromisoformat(moment)
            except (TypeError, ValueError):
                # wording unknown
                raise invalid(
                    f"{place}.{end} should be a valid ISO 8601 date string, instead was "
                    f"`{json.dumps(moment)}`."
                ) from None

    def _write(self, source: DataSource, page: Page, values: Mapping[str, Any]) -> None:
        for name, (kind, value) in values.items():
            definition = source.properties[name]
            if kind in ("title", "rich_text"):
                value = [_text(part["text"]["content"]) for part in value]
            elif kind in ("select", "multi_select"):
                for option in [value] if kind == "select" else value:
                    known = definition[kind]["options"]
                    if option and not any(o["name"] == option["name"] for o in known):
                        known.append({"id": _short_id(known), "name": option["name"]})
            elif kind == "date" and value is not None:
                value = {"start": _shown(value["start"]), "end": None, "time_zone": None}
            elif kind == "relation":
                value = [{"id": _uuid(entry["id"])} for entry in value]
                value = list({entry["id"]: entry for entry in value}.values())
                self._mirror(definition, page, {entry["id"] for entry in value}, name)
            page.properties[name] = {"id": definition["id"], "type": kind, kind: value}
        page.edited = self.clock()
        self._remember(page)

    def _mirror(self, definition: Mapping[str, Any], page: Page, now: set[str], name: str) -> None:
        """Writes the other side of a relation that has two."""
        dual = definition["relation"].get("dual_property")
        if not dual:
            return
        before = self.related(page, name)
        other = self.data_sources[definition["relation"]["data_source_id"]]
        mirror_name = self._property_name(other, dual["synced_property_id"])
        if mirror_name is None:
            return
        for key in before ^ now:
            partner = self.pages[key]
            held = [e for e in partner.properties[mirror_name]["relation"] if e["id"] != page.id]
            if key in now:
                held.append({"id": page.id})
            partner.properties[mirror_name] = {
                **partner.properties[mirror_name],
                "relation": held,
            }
            self._remember(partner)

    def _get_page(self, key: str, *_: Any) -> Any:
        return self._page_object(self._page(key))

    def _page_object(
        self, page: Page, properties: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        shown = {}
        for name, value in (properties if properties is not None else page.properties).items():
            value = json.loads(json.dumps(value))
            if value.get("type") == "relation":
                value["has_more"] = len(value["relation"]) > RELATIONS_SHOWN
                value["relation"] = value["relation"][:RELATIONS_SHOWN]
            shown[name] = value
        return {
            "object": "page",
            "id": page.id,
            "created_time": _minute(page.created),
            "last_edited_time": _minute(page.edited),
            "in_trash": page.in_trash,
            "archived": page.in_trash,
            "parent": page.parent,
            "properties": shown,
            "url": f"https://www.notion.so/{page.id.replace('-', '')}",
        }

    def _get_property(self, key: str, name_or_id: str, _: Any, request: Request) -> Any:
        page = self._page(key)
        source = self.data_sources[page.parent["data_source_id"]]
        name = self._property_name(source, name_or_id)
        if name is None:
            raise refuse(404, "object_not_found", f"Could not find property {name_or_id}")
        value = page.properties[name]
        kind = value["type"]
        if kind not in ("relation", "rich_text", "title"):
            return {"object": "property_item", **value}
        items = [
            {"object": "property_item", "id": value["id"], "type": kind, kind: entry}
            for entry in value[kind]
        ]
        return {**_page_of(items, _cursor(request), _size(request)), "type": "property_item"}

    # Queries

    def _query(self, key: str, body: dict[str, Any], _: Request) -> Any:
        source = self._source_of(key)
        size = body.get("page_size", PAGE_SIZE)
        if not isinstance(size, int) or not 1 <= size <= PAGE_SIZE:
            raise invalid(
                f"body failed validation: body.page_size should be ≤ `{PAGE_SIZE}`, instead was "
                f"`{size}`."
            )
        seen_until = self.clock() - self.query_lag
        rows = []
        for page in self.pages.values():
            if page.parent.get("data_source_id") != source.id:
                continue
            seen = [entry for entry in page.history if entry[0] <= seen_until]
            if not seen or not page.shared:
                continue
            _, properties, in_trash = seen[-1]
            if in_trash != bool(body.get("in_trash", False)):
                continue
            if _fits(page, properties, body.get("filter")):
                rows.append((page, properties))
        _sort(rows, body.get("sorts") or [])
        cut = rows[: self.query_cap]
        found = [self._page_object(page, properties) for page, properties in cut]
        answer = _page_of(found, body.get("start_cursor"), size)
        answer["type"] = "page_or_data_source"
        if not answer["has_more"]:
            incomplete = len(rows) > self.query_cap
            answer["request_status"] = (
                {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
                if incomplete
                else {"type": "complete"}
            )
        return answer

    def _search(self, body: dict[str, Any], _: Request) -> Any:
        wanted = (body.get("filter") or {}).get("value")
        if wanted not in (None, "page", "data_source"):
            raise invalid("body.filter.value should be `page` or `data_source`")
        text = (body.get("query") or "").lower()
        found: list[dict[str, Any]] = []
        if wanted in (None, "data_source"):
            found += [
                self._source_object(source)
                for source in self.data_sources.values()
                if text in source.title.lower() and source.shared
            ]
        if wanted in (None, "page"):
            found += [self._page_object(p) for p in self.pages.values() if p.shared]
        return _page_of(found, body.get("start_cursor"), body.get("page_size", PAGE_SIZE))

    def _me(self, *_: Any) -> Any:
        return {"object": "user", "id": str(uuid.uuid4()), "type": "bot", "name": "stand-in"}

    # Bodies

    def _get_markdown(self, key: str, *_: Any) -> Any:
        for page in self.pages.values():
            if key in page.unknown_blocks:
                return _markdown(key, page.unknown_blocks[key], [])
        page = self._page(key)
        return _markdown(page.id, page.body, list(page.unknown_blocks))

    def _update_markdown(self, key: str, body: dict[str, Any], _: Request) -> Any:
        page = self._page(key)
        if body.get("type") != "replace_content":
            raise invalid("this stand-in only knows replace_content")
        page.body = body["replace_content"]["new_str"]
        page.edited = self.clock()
        self._remember(page)
        return _markdown(page.id, page.body, [])

    def _get_children(self, key: str, _: Any, request: Request) -> Any:
        for holder in self.pages.values():
            if key in holder.blocks:
                self._page(holder.id)
                return _page_of(holder.blocks[key], _cursor(request), _size(request))
        page = self._page(key)
        blocks = [
            {
                "object": "block",
                "id": str(uuid.uuid5(uuid.UUID(page.id), str(i))),
                "type": "paragraph",
                "has_children": False,
                "paragraph": {"rich_text": [_text(line)]},
            }
            for i, line in enumerate(page.body.splitlines())
        ]
        return _page_of(blocks, _cursor(request), _size(request))

    def _append_children(self, key: str, body: dict[str, Any], _: Request) -> Any:
        page = self._page(key)
        children = body.get("children") or []
        self._check_children(children)
        page.body = "\n".join(part for part in (page.body, _markdown_of(children)) if part)
        page.edited = self.clock()
        self._remember(page)
        return _page_of(children, None, PAGE_SIZE)

    def _check_children(self, children: Sequence[Mapping[str, Any]]) -> None:
        if len(children) > MAX_CHILDREN:
            raise invalid(
                f"body failed validation: body.children.length should be ≤ `{MAX_CHILDREN}`, "
                f"instead was `{len(children)}`."
            )
        if _depth(children) > MAX_NESTING or _blocks(children) > MAX_BLOCKS:
            raise invalid("body failed validation: body.children is too deep or too large")


def _short_id(others: Iterable[Mapping[str, Any]]) -> str:
    """As Notion's for properties and options: short, random, and no two the same in one place."""
    taken = {other["id"] for other in others}
    # Drawn blindly, two properties of one data source were the same once in some thirty runs.
    return next(drawn for drawn in iter(lambda: uuid.uuid4().hex[:4], None) if drawn not in taken)


def _uuid(key: str) -> str:
    try:
        return str(uuid.UUID(key))
    except ValueError:
        raise invalid(f"path failed validation: id should be a valid uuid, was `{key}`.") from None


def _missing(what: str, key: str) -> Refusal:
    return refuse(
        404, "object_not_found",
        f"Could not find {what} with ID: {key}. Make sure the relevant pages and databases are "
        "shared with your integration.",
    )  # fmt: skip


def _minute(moment: float) -> str:
    return datetime.fromtimestamp(moment // 60 * 60, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _shown(moment: str) -> str:
    """A time as pages show it, with milliseconds; a day stays a day."""
    if "T" not in moment:
        return moment
    return datetime.fromisoformat(moment).isoformat(timespec="milliseconds")


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": {"content": content, "link": None}, "plain_text": content}


def _titled(title: str) -> dict[str, Any]:
    return {"id": "title", "type": "title", "title": [_text(title)]}


def _plain(parts: Sequence[Mapping[str, Any]]) -> str:
    return "".join(part.get("plain_text") or part["text"]["content"] for part in parts)


def _empty(definition: Mapping[str, Any]) -> dict[str, Any]:
    kind = definition["type"]
    return {"id": definition["id"], "type": kind, kind: copy.copy(_EMPTY[kind])}


def _cursor(request: Request) -> str | None:
    values = request.query.get("start_cursor")
    return values[0] if values else None


def _size(request: Request) -> int:
    size = int((request.query.get("page_size") or [str(PAGE_SIZE)])[0])
    if not 1 <= size <= PAGE_SIZE:
        raise invalid(f"page_size should be ≤ `{PAGE_SIZE}`, instead was `{size}`.")
    return size


def _page_of(rows: Sequence[Any], cursor: str | None, size: int) -> dict[str, Any]:
    """A page of results. The cursor names the row to go on from."""
    begin = 0
    if cursor is not None:
        try:
            begin = uuid.UUID(cursor).int
        except ValueError:
            raise invalid("body.start_cursor should be a valid uuid") from None
    shown = rows[begin : begin + size]
    more = begin + size < len(rows)
    return {
        "object": "list",
        "results": list(shown),
        "has_more": more,
        "next_cursor": str(uuid.UUID(int=begin + size)) if more else None,
    }


def _fits(page: Page, properties: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    if not wanted:
        return True
    if "and" in wanted:
        return all(_fits(page, properties, part) for part in wanted["and"])
    if "or" in wanted:
        return any(_fits(page, properties, part) for part in wanted["or"])
    if "timestamp" in wanted:
        kind = wanted["timestamp"]
        moment = _minute(page.created if kind == "created_time" else page.edited)
        return all(_compare(moment, word, limit) for word, limit in wanted[kind].items())
    value = properties.get(wanted.get("property", ""))
    if value is None:
        raise invalid(f"Could not find property with name or id: {wanted.get('property')}")
    kind = value["type"]
    if kind not in wanted:
        # wording unknown
        raise invalid(f"database property {kind} does not match filter")
    if kind in ("title", "rich_text"):
        text = _plain(value[kind])
        tests = {
            "equals": lambda t: text == t,
            "starts_with": text.startswith,
            "contains": lambda t: t in text,
            "is_not_empty": lambda t: bool(text) == t,
            "is_empty": lambda t: (not text) == t,
        }
        return all(tests[word](operand) for word, operand in wanted[kind].items())
    raise invalid(f"this stand-in does not filter by {kind}")


def _compare(moment: str, word: str, limit: str) -> bool:
    left = datetime.fromisoformat(moment)
    right = datetime.fromisoformat(limit)
    right = right if right.tzinfo else right.replace(tzinfo=UTC)
    return {
        "on_or_after": left >= right,
        "after": left > right,
        "before": left < right,
        "on_or_before": left <= right,
        "equals": left == right,
    }[word]


def _sort(rows: list[tuple[Page, dict[str, Any]]], sorts: Sequence[Mapping[str, Any]]) -> None:
    for sort in reversed(sorts):
        backwards = sort.get("direction") == "descending"
        if sort.get("timestamp") == "created_time":
            rows.sort(key=lambda row: row[0].created // 60, reverse=backwards)
        elif sort.get("timestamp") == "last_edited_time":
            rows.sort(key=lambda row: row[0].edited // 60, reverse=backwards)
        else:
            raise invalid("this stand-in sorts by timestamps only")


def _markdown(key: str, text: str, unknown: list[str]) -> dict[str, Any]:
    return {
        "object": "page_markdown",
        "id": key,
        "markdown": text,
        "truncated": bool(unknown),
        "unknown_block_ids": unknown,
    }


def _markdown_of(children: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        _plain((child.get(child.get("type", "")) or {}).get("rich_text") or [])
        for child in children
    )


def _nested(block: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = block.get(block.get("type", "")) or {}
    return content.get("children") or block.get("children") or []


def _depth(children: Sequence[Mapping[str, Any]]) -> int:
    return 1 + max(_depth(_nested(child)) for child in children) if children else 0


def _blocks(children: Sequence[Mapping[str, Any]]) -> int:
    return sum(1 + _blocks(_nested(child)) for child in children)
