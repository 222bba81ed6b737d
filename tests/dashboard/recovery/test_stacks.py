"""Stacks of several languages, the frames of libraries folded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.recovery.stacks import fold_stack

PYTHON = """Traceback (most recent call last):
  File "/srv/orders/handle.py", line 7, in handle
    await reserve(event)
  File "/srv/.venv/lib/python3.11/site-packages/httpx/_client.py", line 1, in send
    return self.x()
  File "/srv/.venv/lib/python3.11/site-packages/httpcore/_async.py", line 2, in y
    raise Timeout
Timeout: too late"""
JVM = """java.lang.IllegalStateException: no stock
\tat com.shop.Stock.take(Stock.java:12)
\tat org.springframework.kafka.listener.Adapter.onMessage(Adapter.java:5)
\tat java.base/java.lang.Thread.run(Thread.java:1)
Caused by: com.shop.Late: too late
\tat com.shop.Provider.ask(Provider.java:3)"""
DOTNET = """System.InvalidOperationException: no stock
   at Shop.Stock.Take(String id) in /src/Stock.cs:line 12
   at Microsoft.Extensions.Hosting.Run()
   at System.Threading.Tasks.Task.Execute()"""
NODE = """Error: no stock
    at take (/srv/stock.js:7:9)
    at run (/srv/node_modules/kafkajs/src/runner.js:1:2)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""


@pytest.mark.parametrize(
    ("stack", "folded"),
    [(PYTHON, [0, 2, 0]), (JVM, [0, 2, 0]), (DOTNET, [0, 2]), (NODE, [0, 2])],
)
def test_frames_of_libraries_are_folded(stack: str, folded: list[int]) -> None:
    parts = fold_stack(stack)
    assert [part.frames for part in parts] == folded
    own = "\n".join(part.text for part in parts if not part.frames)
    assert "site-packages" not in own
    assert "node_modules" not in own


def test_a_single_frame_is_not_worth_folding() -> None:
    assert [part.frames for part in fold_stack(NODE.rpartition("\n")[0])] == [0]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=300))
def test_nothing_is_lost(stack: str) -> None:
    parts = fold_stack(stack)
    assert "\n".join(part.text for part in parts) == "\n".join(stack.splitlines())
