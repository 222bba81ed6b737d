"""Redis and Valkey streams, read with plain XREAD: no group, nothing acknowledged, nothing deleted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import hiredis

from ingest.options import BrokerOptions
from ingest.records import Message
from ingest.sources.accounting import ZERO, StreamInfo, Verdict, account
from ingest.sources.base import (
    BrokerError,
    BrokerGone,
    Checkpoint,
    Found,
    GroupSample,
    Intake,
    Loss,
    Place,
    StreamIntake,
)
from ingest.sources.redis_entries import messages_of, parse_id
from ingest.sources.resp import Command, ReplyTooLarge, RespClient

__all__ = ["RedisStreams"]

_FIRST_COUNT = 64
_FIRST_AVERAGE = 1024
_MOST_MESSAGES = 60_000
_REPLY_SLACK = 4
_HEAVY = 64 * 1024
_HEAVY_EVERY = 5.0
_TOPIC_LENGTH = 255


class _Tail:
    """How far one stream has been read."""

    def __init__(self, place: Place, checkpoint: Checkpoint) -> None:
        self.place = place
        self.position = checkpoint.position
        self.ordinal = checkpoint.ordinal
        self.settled = checkpoint.position
        self.observed_ms = 0
        self.unread = checkpoint.unread
        self.heavy = False
        self.looked_at = float("-inf")
        self.count = _FIRST_COUNT
        self.average = float(_FIRST_AVERAGE)
        self.active = False
        self.full = False

    def wants_info(self, now: float) -> bool:
        """XINFO brings the first and last entry along, so large ones are asked for seldom."""
        return not self.heavy or now - self.looked_at >= _HEAVY_EVERY

    def learn(self, messages: list[Message], count: int) -> None:
        """How many to ask for next: more after every full read, fewer the larger they are."""
        self.active = bool(messages)
        self.full = len(messages) >= count
        if messages:
            size = sum([len(message.value) for message in messages]) / len(messages) + 64
            self.average = max(size, 0.5 * (self.average + size))
        if self.full and count >= self.count:
            self.count = min(self.count * 4, _MOST_MESSAGES)


class RedisStreams:
    """A `Source` over one Redis or Valkey server."""

    def __init__(self, options: BrokerOptions, *, timeout: float = 10.0) -> None:
        self._options = options
        self._client = RespClient(options.url, timeout=timeout)
        self._tails: dict[bytes, _Tail] = {}

    # -- what is there

    def discover(self) -> list[Found]:
        found: dict[str, bool] = {}
        for topics, dead_letters in (
            (self._options.topics, False),
            (self._options.dead_letter_topics, True),
        ):
            for topic in self._existing(topics):
                found[topic] = found.get(topic, False) or dead_letters
        return [Found(Place(topic, 0), dead) for topic, dead in sorted(found.items())]

    def _existing(self, patterns: Iterable[str]) -> Iterator[str]:
        exact = [pattern for pattern in patterns if not set(pattern) & set("*?[")]
        if exact:
            kinds = self._client.calls([("TYPE", name) for name in exact])
            yield from (name for name, kind in zip(exact, kinds, strict=True) if kind == b"stream")
        for pattern in patterns:
            if pattern not in exact:
                yield from self._scan(pattern)

    def _scan(self, pattern: str) -> Iterator[str]:
        """Names that are not UTF-8, or longer than 255 characters, cannot be watched."""
        cursor = b"0"
        while True:
            cursor, keys = self._client.call(
                "SCAN", cursor, "MATCH", pattern, "TYPE", "stream", "COUNT", 1000
            )
            for key in keys:
                name = key.decode("utf-8", "ignore")
                if name.encode() == key and len(name) <= _TOPIC_LENGTH:
                    yield name
            if cursor == b"0":
                return

    # -- reading

    def assign(self, checkpoints: Mapping[Place, Checkpoint]) -> None:
        self._tails = {
            place.topic.encode(): _Tail(place, checkpoint)
            for place, checkpoint in checkpoints.items()
        }

    def wait(self, seconds: float) -> bool:
        if not self._tails:
            time.sleep(seconds)
            return False
        block = max(1, int(seconds * 1000))
        positions = [b"%d-%d" % tail.position for tail in self._tails.values()]
        command: Command = (
            "XREAD",
            "COUNT",
            1,
            "BLOCK",
            block,
            "STREAMS",
            *self._tails,
            *positions,
        )
        reply = self._client.calls([command], wait=seconds)[0]
        if isinstance(reply, hiredis.ReplyError):
            time.sleep(seconds)  # a key that is no stream any more: `read` tells which
        return reply is not None

    def read(self, max_events: int, max_bytes: int) -> Intake:
        if not self._tails:
            return Intake([], False)
        while True:
            counts = self._counts(max_events, max_bytes)
            smallest = max(counts.values()) == 1
            try:
                return self._read(counts, None if smallest else max_bytes * _REPLY_SLACK)
            except ReplyTooLarge:
                for tail in self._tails.values():
                    tail.count = max(1, tail.count // 8)

    def _read(self, counts: dict[bytes, int], limit: int | None) -> Intake:
        """One look at everything, in one MULTI so that counts and contents are of one moment."""
        now = time.monotonic()
        asked = [key for key, tail in self._tails.items() if tail.wants_info(now)]
        commands: list[Command] = [("MULTI",), ("TIME",)]
        commands += [("XINFO", "STREAM", key) for key in asked]
        commands += [
            ("XREAD", "COUNT", count, "STREAMS", key, b"%d-%d" % self._tails[key].position)
            for key, count in counts.items()
        ]
        commands.append(("EXEC",))
        replies = self._client.calls(commands, max_bytes=limit)[-1]
        if isinstance(replies, hiredis.ReplyError):
            raise _refused(str(replies))
        seconds, micros = replies[0]
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        infos = dict(zip(asked, replies[1 : 1 + len(asked)], strict=True))
        entries = dict(zip(counts, replies[1 + len(asked) :], strict=True))
        streams = [
            _taken(tail, infos.get(key), _entries(entries[key]), counts[key], now_ms)
            for key, tail in self._tails.items()
        ]
        full = any(tail.active and tail.full for tail in self._tails.values())
        return Intake(streams, full)

    def _counts(self, max_events: int, max_bytes: int) -> dict[bytes, int]:
        """How many of each stream: what the active ones may bring fits the limits together."""
        active = max(1, sum(tail.active for tail in self._tails.values()))
        most = min(max_events // active, _MOST_MESSAGES // len(self._tails))
        return {
            key: max(1, min(tail.count, most, int(max_bytes / active / tail.average)))
            for key, tail in self._tails.items()
        }

    # -- consumer groups

    def sample_groups(self, places: Sequence[Place]) -> list[GroupSample]:
        if not places:
            return []
        replies = self._client.calls([("XINFO", "GROUPS", place.topic) for place in places])
        return [
            _group(place, _pairs(fields))
            for place, groups in zip(places, replies, strict=True)
            if isinstance(groups, list)
            for fields in groups
        ]

    def close(self) -> None:
        self._client.close()


def _entries(reply: Any) -> list[Any]:
    """The entries of one stream's XREAD; a key that is no stream (any more) has none."""
    if isinstance(reply, hiredis.ReplyError):
        if not _is_wrong_type(reply):
            raise _refused(str(reply))
        return []
    return reply[0][1] if reply else []


def _taken(tail: _Tail, info: Any, entries: list[Any], count: int, now_ms: int) -> StreamIntake:
    """Move ``tail`` past ``entries`` and settle the account as far as ``info`` allows."""
    messages = messages_of(entries)
    at_end = len(messages) < count
    tail.learn(messages, count)
    known = _stream_info(tail, info)
    verdict = _verdict(tail, info, known, messages, at_end)
    losses = _losses(tail, known, verdict.lost, now_ms)
    if verdict.restart:
        messages, at_end = [], False
        tail.position = ZERO
    elif messages:
        tail.position = messages[-1].position
    tail.ordinal = verdict.ordinal
    tail.observed_ms = now_ms if at_end else (messages[-1].appended_ms if messages else 0)
    if verdict.settled:
        tail.settled = tail.position
    if known is not None:
        tail.unread = _unread(known, verdict.ordinal, at_end)
    elif at_end:
        tail.unread = 0
    return StreamIntake(
        tail.place,
        messages,
        Checkpoint(tail.position, tail.ordinal, tail.unread),
        tail.observed_ms,
        tail.unread,
        messages[0].appended_ms if messages else now_ms,
        losses,
        verdict.restart,
    )


def _stream_info(tail: _Tail, info: Any) -> StreamInfo | None:
    if not isinstance(info, list):
        return None
    fields = _pairs(info)
    first, last = fields.get(b"first-entry"), fields.get(b"last-entry")
    tail.looked_at = time.monotonic()
    tail.heavy = _size(first) + _size(last) > _HEAVY
    return StreamInfo(
        length=fields[b"length"],
        added=fields.get(b"entries-added"),
        last_generated=parse_id(fields[b"last-generated-id"]),
        first=parse_id(first[0]) if first else None,
    )


def _is_wrong_type(info: Any) -> bool:
    return isinstance(info, hiredis.ReplyError) and str(info).startswith("WRONGTYPE")


def _verdict(
    tail: _Tail, info: Any, known: StreamInfo | None, messages: list[Message], at_end: bool
) -> Verdict:
    if known is not None:
        return account(
            known,
            position=tail.position,
            ordinal=tail.ordinal,
            read=len(messages),
            at_end=at_end,
            unread=tail.unread,
        )
    if isinstance(info, hiredis.ReplyError):
        return Verdict(tail.unread, 0, settled=True)  # the stream is gone, with what waited in it
    ordinal = None if tail.ordinal is None else tail.ordinal + len(messages)
    return Verdict(0, ordinal, settled=False)


def _losses(tail: _Tail, known: StreamInfo | None, lost: int, now_ms: int) -> tuple[Loss, ...]:
    if not lost:
        return ()
    trimmed = known is not None and known.first is not None and known.first > tail.position
    until = known.first.major if trimmed and known and known.first else now_ms
    since = max(tail.settled.major, min(tail.observed_ms, until))
    return (Loss(tail.settled, since, max(until, since), lost),)


def _unread(known: StreamInfo, ordinal: int | None, at_end: bool) -> int:
    if at_end:
        return 0
    if known.added is None or ordinal is None:
        return known.length
    return max(0, known.added - ordinal)


def _group(place: Place, fields: dict[bytes, Any]) -> GroupSample:
    return GroupSample(
        place,
        fields[b"name"].decode("utf-8", "replace"),
        fields.get(b"lag"),
        fields.get(b"pending", 0),
        fields.get(b"consumers", 0),
    )


def _pairs(flat: Sequence[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _size(entry: Any) -> int:
    return sum(len(field) for field in entry[1]) if entry else 0


def _refused(text: str) -> BrokerError:
    """A broker that loads, fails over or is out of memory may recover: as if it were gone."""
    passing = text.startswith(
        ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "OOM", "EXECABORT")
    )
    return BrokerGone(text) if passing else BrokerError(text)
