"""Messages in, records out; what cannot be understood is quarantined with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from ingest.envelopes import (
    celery,
    cloudevents,
    faststream,
    mapped,
    masstransit,
    native,
    nservicebus,
    opaque,
)
from ingest.envelopes.mapped import Mapped
from ingest.envelopes.paths import KeyReader, texts_at
from ingest.envelopes.plain import PlainReader, packed_headers
from ingest.envelopes.privacy import Redactor, hides, redacted
from ingest.envelopes.system import read_detail, system_keys
from ingest.envelopes.text import bounded_id, bounded_name, clean, trace_id
from ingest.envelopes.truncate import shortened
from ingest.envelopes.view import Found, View
from ingest.options import IngestOptions
from ingest.records import Flag, Message, Quarantined, Record
from ingest.sealing import Keyring
from ingest.system import DETAILS
from ingest.timestamps import parse_ms
from ingest.wire import why_undecoded

__all__ = ["BODY_FIELD", "Decoder", "Format", "Payload", "Readable"]

BODY_FIELD = b":field"
"""Pseudo-header a source sets when the body does not stand where an envelope is expected."""
_TELLING = frozenset((BODY_FIELD, b"traceparent"))
_BOM = b"\xef\xbb\xbf"
_MALFORMED = "JSON is malformed: "


class Payload(NamedTuple):
    """A payload's bytes, the version told of it, and under which name it stands in the body ("": all of it)."""

    version: str
    raw: bytes
    name: str


class Format(NamedTuple):
    recognise: Callable[[View], bool]
    decode: Callable[[View], Found]


FORMATS = [
    Format(native.recognise, native.decode),
    Format(cloudevents.recognise, cloudevents.decode),
    Format(cloudevents.recognise_binary, cloudevents.decode_binary),
    Format(masstransit.recognise, masstransit.decode),
    Format(nservicebus.recognise, nservicebus.decode),
    Format(faststream.recognise, faststream.decode),
    Format(celery.recognise, celery.decode),
]
_ANY_BODY = frozenset((cloudevents.BINARY, nservicebus.FORMAT, faststream.FORMAT, celery.FORMAT))
"""Formats whose body need not be JSON."""
_TELLING_FORMATS = frozenset(
    (native.FORMAT, cloudevents.STRUCTURED, cloudevents.BINARY, mapped.FORMAT)
)
"""Formats in which a service may tell of itself."""


class Readable(NamedTuple):
    """The envelope without wrappers around it, and the payload in that (None: it has none)."""

    envelope: bytes
    payload: bytes | None


class Decoder:
    """Decodes by one configuration. Holds no state between messages.

    Paths to be encrypted are sealed with ``keyring``; without one they are redacted, for they must
    never be stored in the clear. A decoder of what is ``stored`` leaves sealed values as they are.
    """

    def __init__(
        self, options: IngestOptions, *, keyring: Keyring | None = None, stored: bool = False
    ) -> None:
        privacy = options.privacy
        seals = bool(keyring) and not stored
        taken = privacy.redact if stored or seals else (*privacy.redact, *privacy.encrypt)
        self._redactor = Redactor(options, self._find, taken=taken)
        self._sealer = Redactor(
            options,
            self._find,
            taken=privacy.encrypt if seals else (),
            hide=keyring.seal if keyring else redacted,
        )
        self._keyring = keyring or Keyring(())
        hidden = [tuple(path.split(".")) for path in (*privacy.redact, *privacy.encrypt)]
        self._keys = KeyReader(path for path in options.key_paths if not hides(hidden, path))
        self._sealed_keys = KeyReader(
            path
            for path in options.key_paths
            if hides(hidden, path) and not hides(self._redactor.paths, path)
        )
        self.seals_keys = bool(self._sealed_keys.paths)
        others = [Mapped(mapping) for mapping in options.mapping]
        self._formats = [*FORMATS, *(Format(one.recognise, one.decode) for one in others)]
        self._limit = options.limits.body_bytes
        self._plain = PlainReader(self._keys, limit=self._limit)
        self._hides = bool(self._redactor or self._sealer)
        self._fast = self._keys.covers_all and not self._hides

    def decode_all(
        self, messages: Sequence[Message], topic: str, *, dead_letters: bool = False
    ) -> tuple[list[Record], list[Quarantined]]:
        """Records and quarantined messages of one stream, each in order."""
        if not self._fast or not self._plain.may_read(messages):
            made = [self.decode(one, topic, dead_letters=dead_letters) for one in messages]
        else:
            made = [
                self._odd(one, topic, dead_letters=dead_letters) if read is None else _told(read)
                for one, read in zip(messages, self._plain.read(messages), strict=True)
            ]
        records = [one for one in made if type(one) is Record]
        if len(records) == len(made):
            return records, []
        return records, [one for one in made if isinstance(one, Quarantined)]

    def decode(
        self, message: Message, topic: str, *, dead_letters: bool = False
    ) -> Record | Quarantined:
        """What ``message`` is. Pure, total: no input makes it raise."""
        headers = message.headers
        bare = message._replace(headers=()) if headers else message
        if self._fast and not _tell_more(headers) and self._plain.may_read([bare]):
            [read] = self._plain.read([message])
            if read is not None:
                return _told(read)
        return self._odd(message, topic, dead_letters=dead_letters)

    def payload_of(self, message: Message, topic: str) -> Payload:
        """The payload of an envelope of any format; empty if it has none."""
        view, found = self._innermost(message, topic)
        names = [name for name, span in view.members.items() if span == found.payload]
        return Payload(found.version, view.raw(found.payload), names[0] if names else "")

    def innermost(self, message: Message, topic: str) -> Readable:
        """What is to be read by people: where a message travels within another, that one."""
        view, found = self._innermost(message, topic)
        return Readable(view.body, view.raw(found.payload) if found.payload else None)

    def _innermost(self, message: Message, topic: str) -> tuple[View, Found]:
        view = View(message._replace(value=message.value.removeprefix(_BOM)), topic)
        found = self._find(view)
        return (found.inner.view, found.inner.found) if found.inner else (view, found)

    def _odd(self, message: Message, topic: str, *, dead_letters: bool) -> Record | Quarantined:
        """Everything else: another format, a large body, a body that the strict reader refused."""
        if message.value.startswith(_BOM):
            return self._behind_mark(message, topic, dead_letters=dead_letters)
        message, flags = self._mask(message, topic) if self._hides else (message, 0)
        view = View(message, topic)
        found = self._find(view)
        reason = self._why_unreadable(view, found)
        if reason and (self._redactor.paths or not dead_letters):
            return self._quarantine(message, topic, reason)
        size = len(message.value)
        if reason and self._sealer.paths:
            view = View(message._replace(value=self._withheld(view)), topic)
            found, flags = self._find(view), flags | Flag.ENCRYPTED
        sealed: tuple[str, ...] = ()
        if self._hides and not reason:
            view, found, taken = _hidden(self._redactor, view, found, dead_letters=dead_letters)
            sealed = self._blind_keys(view, found)
            view, found, kept = _hidden(self._sealer, view, found, dead_letters=dead_letters)
            flags |= taken * Flag.REDACTED | kept * Flag.ENCRYPTED
        record = self._record(view, found)
        record.size = size
        record.flags |= flags
        record.keys += sealed
        if found.detail is not None:
            record.detail = found.detail
            record.keys += system_keys(found.detail)
        elif found.format in _TELLING_FORMATS and record.event_type in DETAILS:
            _add_detail(record, found)
        if len(record.body) > self._limit:
            record.body = shortened(record, self._limit, self._keys.pairs(view, found))
            record.flags |= Flag.TRUNCATED
        return record

    def _mask(self, message: Message, topic: str) -> tuple[Message, int]:
        """Headers hidden, and the flags that say so."""
        masked = self._redactor.mask(message, topic)
        sealed = self._sealer.mask(masked, topic)
        flags = (masked is not message) * Flag.REDACTED | (sealed is not masked) * Flag.ENCRYPTED
        return sealed, flags

    def _blind_keys(self, view: View, found: Found) -> tuple[str, ...]:
        """What values that are about to be sealed are found by."""
        if not (self._sealer and self.seals_keys):
            return ()
        return tuple(self._keyring.blind(value) for value in self._sealed_keys.walk(view, found))

    def _behind_mark(
        self, message: Message, topic: str, *, dead_letters: bool
    ) -> Record | Quarantined:
        """Byte order marks are read over; what is kept untouched is what arrived."""
        whole, start = message.value, 0
        while whole.startswith(_BOM, start):
            start += len(_BOM)
        rest = whole[start:]
        made = self._odd(message._replace(value=rest), topic, dead_letters=dead_letters)
        if made.body != rest and not _all_there(made):
            return made
        if isinstance(made, Quarantined):
            return made._replace(body=whole, size=len(whole))
        made.body, made.size = whole[:start] + made.body, len(whole)
        return made

    def values_at(self, message: Message, topic: str, path: str) -> tuple[str, ...]:
        """The scalars at a dotted path, written as keys are; none in a body that cannot be read."""
        view = View(message, topic)
        found = self._find(view)
        if _unreadable(view, found):
            return ()
        return tuple(texts_at(view, found, tuple(path.split("."))))

    def _why_unreadable(self, view: View, found: Found) -> str:
        """A value that no schema made readable is kept as it came, unless parts of it might have to be hidden."""
        undecoded = why_undecoded(view.message.headers)
        if not undecoded:
            return _unreadable(view, found)
        return undecoded if self._hides else ""

    def _find(self, view: View) -> Found:
        for form in self._formats:
            if form.recognise(view):
                return form.decode(view)
        return opaque.decode(view)

    def _record(self, view: View, found: Found) -> Record:
        message = view.message
        event_id = bounded_id(clean(found.event_id)) or _place(view)
        occurred = parse_ms(found.timestamp)
        trace = trace_id(found.traceparent or view.headers.get("traceparent", ""))
        correlation = clean(found.correlation_id or found.conversation_id)
        guessed = occurred is None and found.timestamp is not None
        return Record(
            message.position,
            message.appended_ms,
            event_id,
            bounded_name(clean(found.event_type) or view.topic),
            bounded_name(clean(found.source)),
            view.body,
            len(view.body),
            occurred,
            bounded_id(correlation) or trace or event_id,
            bounded_id(clean(found.causation_id)),
            trace,
            packed_headers(message) if message.headers or message.key else b"",
            self._keys.walk(view, found),
            found.format | (Flag.TIME_GUESSED if guessed else 0),
        )

    def _withheld(self, view: View) -> bytes:
        """A body that no path leads into: sealed whole where anything is to be sealed."""
        return self._sealer.whole(view) if self._sealer.paths else view.body

    def _quarantine(self, message: Message, topic: str, reason: str) -> Quarantined:
        """With paths to be redacted nothing of an unreadable body is stored: it cannot be looked through."""
        body = b"" if self._redactor.paths else self._withheld(View(message, topic))[: self._limit]
        headers = packed_headers(message)
        return Quarantined(
            message.position,
            message.appended_ms,
            reason[:300],
            body,
            headers if len(headers) <= self._limit else b"",
            len(message.value),
        )


def _hidden(
    redactor: Redactor, view: View, found: Found, *, dead_letters: bool
) -> tuple[View, Found, bool]:
    """What is left to see of a message, and whether something was hidden."""
    body = redactor.redact(view, found, dead_letters=dead_letters) if redactor else None
    if body is None:
        return view, found, False
    rest = View(view.message._replace(value=body), view.topic)
    return rest, redactor.find(rest), True


def _all_there(made: Record | Quarantined) -> bool:
    """Whether all that arrived can be had again from what is stored."""
    return isinstance(made, Record) and not made.flags & (Flag.REDACTED | Flag.TRUNCATED)


def _told(record: Record) -> Record:
    """``record`` with what it tells, if it is a system event."""
    if record.event_type in DETAILS:
        _add_detail(record, None)
    return record


def _tell_more(headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    """Whether headers hold what a strict reading of the body would miss."""
    return any(name.lower() in _TELLING for name, _ in headers)


def _unreadable(view: View, found: Found) -> str:
    """Why a body that claims to be an envelope is none, "" if it is one or claims nothing."""
    if found.format in _ANY_BODY or view.members or _named_by_headers(found):
        return ""
    if any(name == BODY_FIELD for name, _ in view.message.headers):
        return ""
    if not view.body.strip():
        return "" if view.message.is_tombstone else "the message is empty"
    try:
        msgspec.json.decode(view.body, type=msgspec.Raw)
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} (byte {error.start})"
    except RecursionError:
        return "JSON nested too deeply, and not balanced"
    except msgspec.DecodeError as error:
        return f"not valid JSON: {str(error).removeprefix(_MALFORMED)}"
    return ""


def _named_by_headers(found: Found) -> bool:
    """Of a body without members a mapping read id or type from headers; all of the body is the payload."""
    return found.format == mapped.FORMAT and found.payload is not None


def _place(view: View) -> str:
    return bounded_id(f"{view.topic}@{view.message.place}")


def _add_detail(record: Record, found: Found | None) -> None:
    payload = (
        record.body[found.payload.start : found.payload.end] if found and found.payload else None
    )
    record.detail = read_detail(record.event_type, record.body, payload)
    if record.detail is not None:
        record.keys += system_keys(record.detail)
