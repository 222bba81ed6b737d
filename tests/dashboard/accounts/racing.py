"""Run as a program: one of several processes that do the same at the same moment.

``python -m tests.dashboard.accounts.racing audit|link WORD`` waits for a line on standard input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["main", "race"]

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "tests.dashboard.accounts.racing"


def race(folder: Path, prepare: str, *, work: str, times: int, after: str = "") -> list[str]:
    """Over one fresh database: ``prepare``, then ``work`` in ``times`` processes, then ``after``.

    Answers what each said.
    """
    environment = {**os.environ, "EVENTSCOPE_DATA": str(folder), "EVENTSCOPE_LOG_LEVEL": "error"}
    environment.pop("DATABASE_URL", None)

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    start("manage.py", "migrate", "-v0").communicate(timeout=120)
    word = start("-m", PROGRAM, prepare, "").communicate("\n", timeout=120)[0].strip()
    runners = [start("-m", PROGRAM, work, word) for _ in range(times)]
    for runner in runners:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "ready\n"
    for runner in runners:
        assert runner.stdin is not None
        runner.stdin.write("\n")
        runner.stdin.flush()
    said = [runner.communicate(timeout=120)[0].strip() for runner in runners]
    if after:
        said += [start("-m", PROGRAM, after, "").communicate(timeout=120)[0].strip()]
    return said


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from dashboard.accounts import audit
    from dashboard.accounts.links import ensure_admin, issue_sign_in_link, redeem_link

    work, word = sys.argv[1:3]
    if work == "make-link":
        print(issue_sign_in_link(ensure_admin()).split("/")[2])
        return
    if work == "verify":
        check = audit.verify_chain()
        print(check.checked, check.intact)
        return
    print("ready", flush=True)
    sys.stdin.readline()
    if work == "audit":
        for number in range(10):
            audit.record(actor="ada", action="x", subject=str(number), detail={})
        print(audit.verify_chain(newest=1).intact)
    elif work == "link":
        print(redeem_link(word) is not None)


if __name__ == "__main__":
    main()
