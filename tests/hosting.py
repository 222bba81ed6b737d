"""For processes that tests talk to: a JSON command a line on stdin, an answer a line on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["answer_commands"]


def answer_commands(commands: Mapping[str, Callable[..., Any]]) -> None:
    """Until stdin ends; ``do`` names the command, the rest are its arguments."""
    for line in sys.stdin:
        command = json.loads(line)
        answer = commands[command.pop("do")](**command)
        print(json.dumps(answer), flush=True)
