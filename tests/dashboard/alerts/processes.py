"""Run as a program: alerts in a process of their own, over a database in a folder.

``python -m tests.dashboard.alerts.processes acknowledge NAME`` waits for a line, then acknowledges
episode 1. ``... evaluate`` evaluates for ever, quickly, over values that swing (see `swinging`), and
says "ready" first. ``... check`` answers the episodes and entries as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["PROGRAM", "ask", "main", "migrate", "start"]

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "tests.dashboard.alerts.processes"
SUBJECTS = 6


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """One process; lines go in and out as text."""
    environment = {**os.environ, "EVENTSCOPE_DATA": str(folder), "EVENTSCOPE_LOG_LEVEL": "error"}
    environment.pop("DATABASE_URL", None)
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def migrate(folder: Path) -> None:
    """Both databases, as `manage.py up` does."""
    for alias in ("default", "events"):
        process = start(folder, "manage.py", "migrate", "-v0", f"--database={alias}")
        process.communicate(timeout=120)
        assert process.returncode == 0


def ask(folder: Path, *words: str) -> Any:
    """Run once and read its JSON answer."""
    said, _ = start(folder, "-m", PROGRAM, *words).communicate("\n", timeout=120)
    return json.loads(said.splitlines()[-1])


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    work, *words = sys.argv[1:]
    {"make": _make, "acknowledge": _acknowledge, "evaluate": _evaluate, "check": _check}[work](
        *words
    )


def _make() -> None:
    from tests.dashboard.care import make_episode

    print(json.dumps(make_episode().pk))


def _acknowledge(name: str) -> None:
    from dashboard.alerts.actions import acknowledge_alert

    print("ready", flush=True)
    sys.stdin.readline()
    outcome = acknowledge_alert(1, by=name)
    print(json.dumps([outcome.changed, outcome.episode.acknowledged_by]))


def _evaluate() -> None:
    """Each round is a second later; some subjects hold for long, some shortly, one is not measured."""
    from dashboard.alerts.evaluate import Observation, evaluate
    from dashboard.alerts.models import Episode
    from dashboard.alerts.rounds import apply_intents, open_standings
    from dashboard.alerts.rules import Rule

    rule = Rule("swing", "Swing", "swing", 0.5, 0.4, "count", "warning", "", for_s=2, clear_s=1)
    newest = Episode.objects.order_by("-evaluated_ms").values_list("evaluated_ms", flat=True)
    begin = (newest.first() or 1_800_000_000_000) + 1000
    print("ready", flush=True)
    for now in itertools.count(begin, 1000):
        second = now // 1000
        seen = [
            Observation("swing", str(subject), _value(subject, second))
            for subject in range(SUBJECTS)
        ]
        apply_intents(evaluate([rule], seen, open_standings(), now), [rule], now)
        time.sleep(0.001)


def _value(subject: int, second: int) -> float | None:
    phase = (second + 3 * subject) % (9 + subject)
    if subject == SUBJECTS - 1 and phase == 4:
        return None
    return 1.0 if phase < 5 else 0.0


def _check() -> None:
    from dashboard.alerts.models import Episode, EpisodeEntry

    entries: dict[int, list[str]] = {}
    for episode, kind in EpisodeEntry.objects.order_by("pk").values_list("episode_id", "kind"):
        entries.setdefault(episode, []).append(kind)
    rows = Episode.objects.order_by("pk").values(
        "pk", "subject", "state", "fired_ms", "resolved_ms", "reopened"
    )
    print(json.dumps([{**row, "kinds": entries.pop(row["pk"], [])} for row in rows]))
    assert not entries, "entries without an episode"


if __name__ == "__main__":
    main()
