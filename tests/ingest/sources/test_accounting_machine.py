"""Whatever is done to a stream between reads and restarts: every message is read once or counted lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from ingest.options import BrokerOptions
from ingest.records import Position
from ingest.sources.base import Checkpoint, Place
from ingest.sources.redis_streams import RedisStreams
from tests.servers import Valkey

PLACE = Place("machine", 0)


class Machine(RuleBasedStateMachine):
    server: Valkey

    def __init__(self) -> None:
        super().__init__()
        self.client = self.server.client()
        self.client.flushall()
        self.source = RedisStreams(BrokerOptions(url=self.server.url))
        self.checkpoint = Checkpoint(Position(0, 0))
        self.source.assign({PLACE: self.checkpoint})
        self.seen: list[Position] = []
        self.lost = 0
        self.read(1)  # having looked at the empty place, all that follows is ours to count
        self.ids: list[bytes] = []

    @rule(count=st.integers(1, 30))
    def add(self, count: int) -> None:
        for _ in range(count):
            self.ids.append(self.client.xadd(PLACE.topic, {"event": "{}"}))

    @rule(keep=st.integers(0, 40))
    def trim(self, keep: int) -> None:
        self.client.xtrim(PLACE.topic, maxlen=keep, approximate=False)

    @rule(picks=st.lists(st.integers(0, 1000), max_size=5))
    def delete(self, picks: list[int]) -> None:
        if self.ids and picks:
            self.client.xdel(PLACE.topic, *{self.ids[pick % len(self.ids)] for pick in picks})

    @rule(events=st.integers(1, 20))
    def read(self, events: int) -> None:
        intake = self.source.read(events, 1 << 20).streams[0]
        assert not intake.restart
        self.seen += [message.position for message in intake.messages]
        self.lost += sum(loss.lost for loss in intake.losses)
        self.checkpoint = intake.checkpoint

    @rule()
    def restart(self) -> None:
        self.source.close()
        self.source = RedisStreams(BrokerOptions(url=self.server.url))
        self.source.assign({PLACE: self.checkpoint})

    def teardown(self) -> None:
        while True:
            before = len(self.seen), self.lost
            self.read(1000)
            if (len(self.seen), self.lost) == before:
                break
        self.source.close()
        self.client.close()
        assert self.seen == sorted(set(self.seen))
        assert len(self.seen) + self.lost == len(self.ids)


def test_every_message_is_read_once_or_counted_lost(valkey: Valkey) -> None:
    Machine.server = valkey
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )
