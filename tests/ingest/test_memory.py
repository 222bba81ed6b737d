"""What a worker's process is told of its memory before it starts."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

SETTLED = """
import gc
from ingest.memory import settle_memory
before = gc.get_freeze_count()
settle_memory()
print(gc.get_freeze_count() > before, gc.get_threshold()[0] > 100_000)
"""
HEAPS = """
import ctypes, re, tempfile, threading
from ingest.memory import settle_memory
settle_memory()
kept = []
threads = [threading.Thread(target=lambda: kept.append(bytearray(60_000))) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(len(re.findall(b"<heap nr=", told.read())))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_what_stands_at_the_start_is_not_looked_at_again() -> None:
    assert run(SETTLED) == "True True"


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc's malloc has heaps a thread"
)
def test_all_threads_share_one_heap() -> None:
    assert run(HEAPS) == "1"
