"""The whole system as a person starts it, in a data folder and on a port of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.servers import free_port

__all__ = ["ROOT", "System"]

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"http://\S+/sign-in/\S+")


class System:
    """``manage.py up`` with ``arguments``; what it writes is in ``lines``."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self._arguments = arguments
        self._environ = {
            **os.environ,
            "EVENTSCOPE_DATA": str(folder),
            "PORT": str(self.port),
            **environ,
        }
        self._environ.pop("REDIS_URL", None)
        self._environ.update(environ)
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def start(self) -> System:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *self._arguments],
            cwd=ROOT,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def wait_for_link(self, seconds: float = 120) -> str:
        self.until(lambda: any(LINK.search(line) for line in self.lines), seconds)
        return next(match.group() for line in self.lines if (match := LINK.search(line)))

    def until(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, "\n".join(self.lines[-40:])
            assert time.monotonic() < deadline, "\n".join(self.lines[-40:])
            time.sleep(0.05)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        request = Request(self.base + path, headers=headers)
        with self._opener.open(request, timeout=60) as response:
            return response.status, response.read().decode()

    def sign_in(self) -> str:
        """Follow the printed link as a browser does (it posts the form); the page that it leads to."""
        link = self.wait_for_link()
        page = self.get(link.removeprefix(self.base))[1]
        [csrf] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        form = urlencode({"csrfmiddlewaretoken": csrf}).encode()
        with self._opener.open(Request(link, data=form, headers={"Referer": link})) as response:
            landed: str = response.read().decode()
        return landed

    def get_json(self, path: str, token: str) -> Any:
        return json.loads(self.get(path, Authorization=f"Bearer {token}")[1])

    def manage(self, *arguments: str) -> str:
        """What another ``manage.py`` command beside the running system prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def child(self, words: str) -> int:
        """The process id of the child whose command line holds ``words``."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                command = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if int(parent) == self.process.pid and words in command:
                return int(folder.name)
        raise LookupError(words)

    def stop(self, number: int = signal.SIGINT) -> float:
        """End it as Ctrl-C does; seconds that it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(timeout=90)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(timeout=60)
            assert self.process.stdout is not None
            self.process.stdout.close()
        return time.monotonic() - began

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
