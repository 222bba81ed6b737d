"""What a group's offset and its text say is what was done, whenever the member dies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventscope.transports.kafka.ledger import MAX_OPEN, Ledger, Note

steps = st.lists(
    st.tuples(
        st.sampled_from(["new", "new", "settle", "give back", "again", "commit", "die", "leave"]),
        st.integers(0, 7),
    ),
    max_size=80,
)


class Model:
    """A log with holes, one member at a time, and what each entry went through."""

    def __init__(self) -> None:
        self.log = [offset for offset in range(200) if offset % 5 != 3]
        self.committed = Note(0, 0, {})
        self.durable: dict[int, int | None] = {}
        self.begin()

    def begin(self) -> None:
        """A member that knows no more than what is committed."""
        note = Note.parsed(self.committed.offset, self.committed.text)
        self.ledger = Ledger(note)
        self.state = dict(self.durable)
        self.in_hand: list[int] = []
        self.back: list[int] = []
        self.unread = [offset for offset in self.log if offset >= note.offset]
        self.meet_inherited()

    def meet_inherited(self) -> None:
        while self.unread and not self.ledger.is_new(self.unread[0]):
            offset = self.unread.pop(0)
            count = self.ledger.meet(offset)
            assert count == self.state.get(offset, None if offset in self.state else 0)
            if count is not None:
                self.back.append(offset)

    def hand_out(self, offset: int) -> None:
        count = self.ledger.hand_out(offset)
        assert count == (self.state.get(offset) or 0) + 1
        self.state[offset] = count
        self.in_hand.append(offset)

    def do(self, name: str, which: int) -> None:
        if name == "new" and self.unread and self.ledger.room:
            offset = self.unread.pop(0)
            assert self.ledger.meet(offset) == 0
            self.hand_out(offset)
        elif name == "again" and self.back:
            self.hand_out(self.back.pop(which % len(self.back)))
        elif name == "settle" and self.in_hand:
            offset = self.in_hand.pop(which % len(self.in_hand))
            self.ledger.settle(offset)
            self.state[offset] = None
        elif name == "give back" and self.in_hand:
            offset = self.in_hand.pop(which % len(self.in_hand))
            self.ledger.give_back(offset)
            self.state[offset] = (self.state[offset] or 0) - 1
            self.back.append(offset)
        elif name == "commit":
            self.commit()
        elif name == "die":
            self.begin()
        elif name == "leave":
            self.commit()
            self.begin()

    def commit(self) -> None:
        assert self.ledger.note().offset >= self.committed.offset
        self.committed = self.ledger.note()
        self.durable = dict(self.state)


@given(steps)
def test_an_heir_knows_what_was_committed_and_no_more(steps: list[tuple[str, int]]) -> None:
    model = Model()
    for name, which in steps:
        model.do(name, which)


def test_a_note_reads_as_it_was_written() -> None:
    note = Note(100, 2_000_000, {100: 1, 107: 12, 1_999_999: 0})

    assert Note.parsed(100, note.text) == note


def test_a_note_of_another_tool_says_the_offset_only() -> None:
    for text in (None, "", "reset by hand", "es1", "es1 x", "es1 5 3:", "es2 5"):
        assert Note.parsed(7, text) == Note(7, 7, {})


def test_a_full_ledger_fits_beside_an_offset() -> None:
    apart = 4_000_000_000 // MAX_OPEN
    note = Note(0, 4_000_000_001, {number * apart: 12 for number in range(MAX_OPEN)})

    assert len(note.text) < 4096


def test_an_entry_that_is_no_longer_in_the_log_does_not_hold_up_the_rest() -> None:
    ledger = Ledger(Note(5, 9, {5: 1, 7: 2}))

    assert ledger.meet(6) is None
    assert ledger.meet(9) == 0
    assert ledger.note() == Note(9, 9, {})


def test_what_would_be_settled_is_told_beforehand() -> None:
    ledger = Ledger(Note(0, 0, {}))
    for offset in (0, 1, 2):
        ledger.hand_out(offset)

    assert ledger.note(settled=[0, 2]) == Note(1, 3, {1: 1})
    assert ledger.note() == Note(0, 3, {0: 1, 1: 1, 2: 1})


def test_what_is_no_entry_is_passed() -> None:
    ledger = Ledger(Note(0, 0, {}))
    ledger.hand_out(0)

    assert ledger.pass_to(2)
    assert not ledger.pass_to(2)
    ledger.settle(0)
    assert ledger.note() == Note(2, 2, {})
