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
        self.broken = False
        self.heavy = False
        self.looked_at = float("-inf")

    def wants_info(self, now: float) -> bool:
        """XINFO brings the first and last entry along, so large ones are asked for seldom."""
        return not self.heavy or now - self.looked_at >= _HEAVY_EVERY


class RedisStreams:
    """A `Source` over one Redis or Valkey server."""

    def __init__(self, options: BrokerOptions, *, timeout: float = 10.0) -> None:
        self._options = options
        self._client = RespClient(options.url, timeout=timeout)
        self._tails: dict[bytes, _Tail] = {}
        self._count = _FIRST_COUNT
        self._average = 1024.0
        self._active = 1

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
        streams = self._streams(self._readable())
        if not streams:
            time.sleep(seconds)
            return False
        block = max(1, int(seconds * 1000))
        command: Command = ("XREAD", "COUNT", 1, "BLOCK", block, "STREAMS", *streams)
        reply = self._client.calls([command], wait=seconds)[0]
        return reply is not None

    def read(self, max_events: int, max_bytes: int) -> Intake:
        if not self._tails:
            return Intake([], False, 0)
        while True:
            count = self._fitting(max_events, max_bytes)
            limit = max_bytes * _REPLY_SLACK if count > 1 else None
            try:
                return self._read(count, limit)
            except ReplyTooLarge:
                self._count = max(1, count // 8)

    def _read(self, count: int, limit: int | None) -> Intake:
        now = time.monotonic()
        asked = [key for key, tail in self._tails.items() if tail.wants_info(now)]
        readable = self._readable()
        commands: list[Command] = [("MULTI",), ("TIME",)]
        commands += [("XINFO", "STREAM", key) for key in asked]
        if readable:
            commands.append(("XREAD", "COUNT", count, "STREAMS", *self._streams(readable)))
        commands.append(("EXEC",))
        replies = self._client.calls(commands, max_bytes=limit)[-1]
        if isinstance(replies, hiredis.ReplyError):
            raise _refused(str(replies))
        seconds, micros = replies[0]
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        infos = dict(zip(asked, replies[1 : 1 + len(asked)], strict=True))
        entries = replies[-1] if readable else None
        if isinstance(entries, hiredis.ReplyError):
            self._set_aside(str(entries), readable, infos)
            return self._read(count, limit)
        return self._intake(infos, dict(entries or ()), count, now_ms)

    def _set_aside(self, error: str, readable: list[_Tail], infos: dict[bytes, Any]) -> None:
        """One key that is no stream any more spoils the whole XREAD: go on without it."""
        spoiling = [
            tail for tail in readable if _is_wrong_type(infos.get(tail.place.topic.encode()))
        ]
        unasked = [tail for tail in readable if tail.heavy]
        if not error.startswith("WRONGTYPE") or not (spoiling or unasked):
            raise _refused(error)
        for tail in spoiling:
            tail.broken = True
        for tail in unasked:
            tail.heavy = False

    def _intake(
        self,
        infos: dict[bytes, Any],
        entries: dict[bytes, list[Any]],
        count: int,
        now_ms: int,
    ) -> Intake:
        size = total = 0
        streams: list[StreamIntake] = []
        for key, tail in self._tails.items():
            messages = messages_of(entries.get(key, ()))
            total += len(messages)
            size += sum([len(message.value) for message in messages])
            streams.append(_taken(tail, infos.get(key), messages, len(messages) < count, now_ms))
        full = any(len(found) >= count for found in entries.values())
        self._learn(count, total, size, len(entries), full)
        return Intake(streams, full, size)

    # -- how much to ask for

    def _fitting(self, max_events: int, max_bytes: int) -> int:
        """COUNT applies to each stream: what the active ones may bring fits the limits together."""
        by_size = int(max_bytes / self._average)
        wanted = min(max_events, by_size, self._count * self._active) // self._active
        return max(1, min(wanted, _MOST_MESSAGES // max(1, len(self._tails))))

    def _learn(self, count: int, total: int, size: int, active: int, full: bool) -> None:
        if total:
            self._average = 0.5 * self._average + 0.5 * (size / total + 64)
            self._active = max(1, active)
        if full and count >= self._count:
            self._count = min(self._count * 4, _MOST_MESSAGES)

    def _readable(self) -> list[_Tail]:
        return [tail for tail in self._tails.values() if not tail.broken]

    def _streams(self, tails: list[_Tail]) -> list[bytes]:
        keys = [tail.place.topic.encode() for tail in tails]
        return keys + [b"%d-%d" % tail.position for tail in tails] if keys else []

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


def _taken(
    tail: _Tail, info: Any, messages: list[Message], at_end: bool, now_ms: int
) -> StreamIntake:
    """Move ``tail`` past ``messages`` and settle the account as far as ``info`` allows."""
    known = _stream_info(tail, info)
    verdict = _verdict(tail, info, known, messages, at_end)
    losses = _losses(tail, known, messages, verdict.lost, now_ms)
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
    tail.broken = _is_wrong_type(info)
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


def _losses(
    tail: _Tail, known: StreamInfo | None, messages: list[Message], lost: int, now_ms: int
) -> tuple[Loss, ...]:
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
