"""A bus a process, whoever forks."""

from __future__ import annotations

import subprocess
import sys

from tests.servers import Valkey

FORKS = """
import os, sys
from eventscope import SyncEventBus
from eventscope.contrib.process import ProcessBus

process = ProcessBus(lambda: SyncEventBus(sys.argv[1], source="forker"))
process.get().publish("MADE", {"by": "parent"}, topic="forks")
child = os.fork()
if not child:
    process.get().publish("MADE", {"by": "child"}, topic="forks")
    process.stop()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
process.get().publish("MADE", {"by": "parent"}, topic="forks")
"""


def test_a_forked_child_has_a_bus_of_its_own_and_the_parent_keeps_its(
    valkey: Valkey, published
) -> None:  # type: ignore[no-untyped-def]
    done = subprocess.run(
        [sys.executable, "-c", FORKS, valkey.url], capture_output=True, text=True, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")
    made = published("forks", "MADE", least=3)
    assert [event["payload"]["by"] for event in made] == ["parent", "child", "parent"]
    assert len(published("system-events", "ServiceStopped", least=2)) == 2
