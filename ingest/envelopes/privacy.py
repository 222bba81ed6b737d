"""Taking configured values out of a message before anything else sees it: for good, or sealed.

A path is dotted, as in ``[index]`` (``payload.card``), or ``header:NAME``. Paths hold for an event, for
the original inside a ``DeadLettered`` by that original's own format, and for the ``context`` of an
``ErrorOccurred``. Free text, such as the words of an error, has no paths and is not looked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ingest.envelopes import celery, cloudevents, faststream, masstransit
from ingest.envelopes.paths import spans_at
from ingest.envelopes.scan import Span, object_members
from ingest.envelopes.view import Found, Inner, View
from ingest.options import IngestOptions
from ingest.records import Message
from ingest.sealing import place_of

__all__ = ["Hide", "Redactor", "hides", "redacted"]

_HEADER = "header:"
_NO_BODY = (b":field", b"")
_NESTED = 4
"""Dead letters of dead letters that are opened; what lies deeper is taken out whole."""

_CARRIED: dict[int, Callable[[View], list[tuple[str, Span]]]] = {
    masstransit.FORMAT: masstransit.headers,
    faststream.FORMAT: faststream.headers,
    celery.FORMAT: celery.headers,
}
_REPEATING = frozenset((b"argsrepr", b"kwargsrepr"))
"""Headers in which Celery repeats the payload as text."""

Path = tuple[str, ...]
Hide = Callable[[bytes, bytes], bytes]
"""What stands in place of a value, given the value as it arrived and the place of its message."""


def redacted(value: bytes, place: bytes) -> bytes:
    """Gone for good."""
    return b"[redacted]"


class Redactor:
    """Hides the values at some paths in one way. Holds no state between messages."""

    def __init__(
        self,
        options: IngestOptions,
        find: Callable[[View], Found],
        *,
        taken: Sequence[str],
        hide: Hide = redacted,
    ) -> None:
        self._hide = hide
        self.paths = [
            tuple(path.split(".")) for path in taken if path and not path.startswith(_HEADER)
        ]
        self._headers = {
            path.removeprefix(_HEADER).lower().encode()
            for path in taken
            if path.startswith(_HEADER)
        }
        self._words = {word.lower().encode() for path in self.paths for word in path[1:]}
        self._mapped = [
            (*one.payload.split("."), *path[1:])
            for one in options.mapping
            for path in self.paths
            if one.payload and path[0] == "payload"
        ]
        self._context = [
            ("payload", "context", *rest)
            for path in self.paths
            for rest in {path, path[1:], ("event", *path)}
            if rest
        ]
        self.find = find

    def __bool__(self) -> bool:
        return bool(self.paths or self._headers)

    def mask(self, message: Message, topic: str) -> Message:
        """``message`` itself if none of its headers is to be hidden."""
        hidden = self._headers | _REPEATING if self.paths else self._headers
        if _NO_BODY in message.headers:  # fields that no object could be made of stand there
            hidden = hidden | self._words
        if not any(name.lower() in hidden for name, _ in message.headers):
            return message
        place = place_of(topic, message.position)
        headers = tuple(
            (name, self._hide(value, place) if name.lower() in hidden else value)
            for name, value in message.headers
        )
        return message._replace(headers=headers)

    def redact(self, view: View, found: Found, *, dead_letters: bool = False) -> bytes | None:
        """The body with every value at the paths replaced by a string, None if there was none.

        All other bytes stay as they arrived.
        """
        spans = sorted(self._spans(view, found, dead_letters=dead_letters, depth=0))
        if not spans:
            return None
        place = place_of(view.topic, view.message.position)
        parts: list[bytes] = []
        at = 0
        for span in _outermost(spans):
            fixed = span.start < found.lengths_until
            mark = b"*" * (span.end - span.start) if fixed else self._mark(view.raw(span), place)
            parts += (view.body[at : span.start], mark)
            at = span.end
        return b"".join([*parts, view.body[at:]])

    def whole(self, view: View) -> bytes:
        """All of the body hidden as one value."""
        return self._mark(view.body, place_of(view.topic, view.message.position))

    def _mark(self, value: bytes, place: bytes) -> bytes:
        return b'"%b"' % self._hide(value, place)

    def _spans(self, view: View, found: Found, *, dead_letters: bool, depth: int) -> list[Span]:
        """On a dead-letter topic an event of a mapped format is not known by its topic any more."""
        spans = self._beside(view, found)
        if found.inner:
            inside = self._spans(
                found.inner.view, found.inner.found, dead_letters=dead_letters, depth=depth
            )
            return spans + _outward(found.inner, inside)
        paths = [*self.paths]
        if dead_letters:
            paths += self._mapped
        if found.event_type == "ErrorOccurred":
            paths += self._context
        spans += [span for path in paths for span in spans_at(view, found, path, all_of_it=True)]
        if found.event_type == "DeadLettered":
            topic = _original_topic(view, found)
            for event in spans_at(view, found, ("payload", "event"), all_of_it=True):
                spans += self._within(view, event, topic or view.topic, depth + 1)
        return spans

    def _beside(self, view: View, found: Found) -> list[Span]:
        """Headers that travel inside the body, and texts that repeat the payload."""
        spans = []
        if self._headers and (carried := _CARRIED.get(found.format)):
            hidden = {name.decode() for name in self._headers}
            spans = [span for name, span in carried(view) if name in hidden]
        if self.paths and found.format == celery.FORMAT:
            spans += celery.repeated(view)
        if self.paths and found.format == cloudevents.STRUCTURED and "data_base64" in view.members:
            spans.append(view.members["data_base64"])  # no path leads into it
        return spans

    def _within(self, view: View, event: Span, topic: str, depth: int) -> list[Span]:
        """Places inside an original, which is redacted as it would be itself.

        One that is written as a string was no JSON, so no path leads into it: it is withheld whole, as
        an unreadable message is.
        """
        raw = view.raw(event)
        whole = raw[:1] == b'"' or (raw[:1] == b"{" and object_members(raw) is None)
        if whole or depth > _NESTED:
            return [event]
        inner = View(view.message._replace(value=raw, headers=()), topic)
        spans = self._spans(inner, self.find(inner), dead_letters=True, depth=depth)
        return [Span(event.start + span.start, event.start + span.end) for span in spans]


def _outward(inner: Inner, spans: list[Span]) -> list[Span]:
    """Where places of a message within are in the whole; a string that holds it is taken as one."""
    if inner.as_it_is:
        start = inner.span.start
        return [Span(start + span.start, start + span.end) for span in spans]
    return [inner.span] if spans else []


def _original_topic(view: View, found: Found) -> str:
    payload = found.payload
    return view.text("originalTopic", object_members(view.body, *payload) or {}) if payload else ""


def hides(redacted: Iterable[Path], path: str) -> bool:
    """Whether ``path`` is taken out, or lies within what is."""
    words = tuple(path.split("."))
    return any(words[: len(taken)] == taken for taken in redacted)


def _outermost(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
