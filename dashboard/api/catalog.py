"""The catalog: event types, and what the payloads of one look like."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from ninja.params.functions import Path

from dashboard.api.paging import PageParameters, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.rendering import json_answer
from dashboard.api.serialise import iso
from dashboard.api.shapes.catalog import CatalogPage, CatalogTypeShape
from dashboard.explore.cataloguing import Change, KnownType, Version, read_type, read_types
from eventscope.stamps import now_ms
from ingest.schema import schema_of_shape

__all__ = ["router"]

CATALOG = "catalog"

router = Router(tags=["state"], by_alias=True)


@router.get("/catalog", response=CatalogPage, operation_id="listCatalog")
def catalog(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """Event types that were seen, who publishes and who handles them; figures of the last hour."""
    known = read_types(now_ms=now_ms())
    last = unseal(page.cursor, CATALOG)
    if last is not None:
        known = [one for one in known if _place(one) > last]
    found = known[: page.limit]
    more = len(known) > len(found)
    return {
        "results": [_type(one) for one in found],
        "next": seal(_place(found[-1]), CATALOG) if more else None,
    }


@router.get(
    "/catalog/{path:type}",
    response=CatalogTypeShape,
    operation_id="getCatalogType",
    summary="One event type",
)
def one_type(request: HttpRequest, event_type: str = Path(alias="type")) -> Any:
    """One type with the JSON Schema of each version, as it was learnt from samples."""
    known = read_type(event_type, now_ms=now_ms())
    if known is None:
        raise Problem(404, "No event of this type was ever seen.")
    return json_answer(
        {
            **_camel(_type(known)),
            "versions": [_version(event_type, one) for one in known.versions],
            "changes": [_change(one) for one in known.changes],
        }
    )


def _place(known: KnownType) -> list[Any]:
    """Where a type stands in the list, by the order of `read_types`."""
    return [known.system, known.seen.type]


def _type(known: KnownType) -> dict[str, Any]:
    seen = known.seen
    return {
        "id": seen.type,
        "type": seen.type,
        "sources": seen.sources,
        "topics": seen.topics,
        "consumers": seen.consumers,
        "version_names": [one.version for one in known.versions],
        "events_per_second": known.figures.per_second,
        "error_rate": known.figures.error_rate,
        "handled_per_event": known.figures.handled,
        "average_size": known.average,
        "first_seen_at": iso(seen.first_ms),
        "last_seen_at": iso(known.last_ms),
    }


def _version(event_type: str, one: Version) -> dict[str, Any]:
    return {
        "version": one.version,
        "samples": one.shape.samples,
        "firstSeenAt": iso(one.shape.first_ms),
        "lastSeenAt": iso(one.shape.last_ms),
        "averageSize": one.average,
        "schema": schema_of_shape(one.shape, title=event_type, version=one.version),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "version": change.version,
        "path": change.path,
        "at": iso(change.at_ms),
    }


def _camel(told: dict[str, Any]) -> dict[str, Any]:
    """The names of a shape as they are answered."""
    fields = CatalogTypeShape.model_fields
    return {fields[name].alias or name: value for name, value in told.items()}
