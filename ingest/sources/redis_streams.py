"""Redis and Valkey streams, read with plain XREAD: no group, nothing acknowledged, nothing deleted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import hiredis

from eventscope.transports.redis_scripts import WAITING
from ingest.options import BrokerOptions
from ingest.records import Position
from ingest.sources.base import Checkpoint, Found, GroupSample, Intake, Place
from ingest.sources.redis_tails import MOST_MESSAGES, Tail, entries_of, pairs, refused, taken
from ingest.sources.resp import Command, ReplyTooLarge, RespClient

__all__ = ["RedisStreams"]

_REPLY_SLACK = 4
_TOPIC_LENGTH = 255
_LATEST_MS = 1 << 48


class RedisStreams:
    """A `Source` over one Redis or Valkey server."""

    def __init__(self, options: BrokerOptions, *, timeout: float = 10.0) -> None:
        self._options = options
        self._client = RespClient(options.url, timeout=timeout)
        self._tails: dict[bytes, Tail] = {}

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
            place.topic.encode(): Tail(place, checkpoint)
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
            raise refused(str(replies))
        seconds, micros = replies[0]
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        infos = dict(zip(asked, replies[1 : 1 + len(asked)], strict=True))
        entries = dict(zip(counts, replies[1 + len(asked) :], strict=True))
        streams = [
            taken(tail, infos.get(key), entries_of(entries[key]), counts[key], now_ms)
            for key, tail in self._tails.items()
        ]
        full = any(tail.active and tail.full for tail in self._tails.values())
        return Intake(streams, full)

    def _counts(self, max_events: int, max_bytes: int) -> dict[bytes, int]:
        """How many of each stream: what the active ones may bring fits the limits together."""
        active = max(1, sum(tail.active for tail in self._tails.values()))
        most = min(max_events // active, MOST_MESSAGES // len(self._tails))
        return {
            key: max(1, min(tail.count, most, int(max_bytes / active / tail.average)))
            for key, tail in self._tails.items()
        }

    # -- consumer groups

    def note_stored(self, positions: Mapping[Place, Position]) -> None:
        """Nothing is written to the streams of others."""

    def sample_groups(self, places: Sequence[Place]) -> list[GroupSample]:
        if not places:
            return []
        replies = self._client.calls([("XINFO", "GROUPS", place.topic) for place in places])
        found = [
            (place, pairs(fields))
            for place, groups in zip(places, replies, strict=True)
            if isinstance(groups, list)
            for fields in groups
        ]
        asked: list[Command] = [
            ("XINFO", "CONSUMERS", place.topic, group[b"name"]) for place, group in found
        ]
        members = self._client.calls(asked) if asked else []
        return [_group(*one, told) for one, told in zip(found, members, strict=True)]

    def close(self) -> None:
        self._client.close()


def _group(place: Place, fields: dict[bytes, Any], members: Any) -> GroupSample:
    """The kit keeps what waits for a retry under a member that nobody is, who is not counted."""
    told = [pairs(member)[b"name"] for member in members] if isinstance(members, list) else []
    return GroupSample(
        place,
        fields[b"name"].decode("utf-8", "replace"),
        fields.get(b"lag"),
        fields.get(b"pending", 0),
        fields.get(b"consumers", 0) - (WAITING in told),
        _moment(fields.get(b"last-delivered-id", b"0-0")),
        frozenset(name.decode("utf-8", "replace") for name in told if name != WAITING),
    )


def _moment(id: bytes) -> int | None:
    """The time in an id that the server made; one of the user's own may hold no time, or none that is one."""
    moment = int(id.partition(b"-")[0])
    return moment if 0 < moment < _LATEST_MS else None
