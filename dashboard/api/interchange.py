"""Dead letters as NDJSON, to another Eventscope and from one."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.accounts.models import Role
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.selecting import FilterBody, letters_where
from dashboard.api.shapes.recovery import ImportShape
from dashboard.recovery.exporting import export_letters
from dashboard.recovery.importing import BadFile, import_letters
from dashboard.streaming import in_thread
from ingest.models import DeadLetter

__all__ = ["router"]

router = Router(tags=["recovery"], by_alias=True)
NDJSON = "application/x-ndjson"
LINES = {"schema": {"type": "string", "description": "a letter a line; docs/wire-format.md"}}


class ExportParameters(FilterBody):
    status: DeadLetter.Status | None = None


class ImportParameters(Schema):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    broker: str = Field(max_length=255, description="where its events are to be put back")


@router.get(
    "/dead-letters/export",
    operation_id="exportDeadLetters",
    openapi_extra={"responses": {200: {"description": "NDJSON", "content": {NDJSON: LINES}}}},
)
def export(request: HttpRequest, parameters: Query[ExportParameters]) -> Any:
    """All that fit, up to 100,000, oldest first, byte for byte; audited."""
    require(request, Role.OPERATOR)
    named = (parameters.status,) if parameters.status else ()
    where = msgspec.structs.replace(letters_where(parameters), statuses=named)
    asked = parameters.model_dump_json(exclude_defaults=True)
    pieces = export_letters(where, by=caller(request), asked=asked, host=request.get_host())
    response = StreamingHttpResponse(in_thread(pieces), content_type=NDJSON)
    response["Cache-Control"] = "no-store"
    return response


@router.post(
    "/dead-letters/import",
    response=ImportShape,
    operation_id="importDeadLetters",
    openapi_extra={"requestBody": {"required": True, "content": {NDJSON: LINES}}},
)
def import_file(request: HttpRequest, parameters: Query[ImportParameters]) -> Any:
    """All of a file, or with the lines that are wrong none of it; twice stores nothing twice."""
    require(request, Role.OPERATOR)
    try:
        done = import_letters(request, broker=parameters.broker, by=caller(request))
    except BadFile as error:
        errors = [{"place": one.place, "message": one.reason} for one in error.errors]
        raise Problem(400, str(error), errors=errors) from error
    return done._asdict()
