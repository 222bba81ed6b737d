"""``[alerts]`` with receivers and routes: what is read, and what is refused with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.options import load_options
from ingest.options import OptionsError

HOOK = '[alerts.receivers.hook]\ntype = "webhook"\nurl = "https://example.com/in"\n'
KEYS = {"EVENTSCOPE_RECEIVER_HOOK": "key"}


def load(tmp_path: Path, text: str, **environ: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "eventscope.toml"
    file.write_text(text, encoding="utf-8")
    return load_options({"EVENTSCOPE_CONFIG": str(file), **environ})


def test_receivers_routes_and_secrets_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("from a file\n")
    options = load(
        tmp_path,
        """
        [alerts]
        receiver = "team-chat"
        group_wait = "10s"
        [alerts.smtp]
        host = "mail.example.com"
        [alerts.receivers.team-chat]
        type = "slack"
        quiet = {from = "20:00", until = "08:00", time_zone = "Europe/Berlin", critical = false}
        [alerts.receivers.hook]
        type = "webhook"
        url = "https://example.com/in"
        [alerts.receivers.mail]
        type = "email"
        to = ["ops@example.com"]
        [[alerts.routes]]
        receiver = "hook"
        matchers = ["severity = critical", "service =~ pay.*"]
        escalate_after = "15m"
        escalate_to = "mail"
        """,
        EVENTSCOPE_RECEIVER_TEAM_CHAT="https://hooks.slack.com/services/x",
        EVENTSCOPE_RECEIVER_HOOK_FILE=str(secret),
    )
    alerts = options.dashboard.alerts
    assert alerts.receivers["team-chat"].quiet.from_ == "20:00"
    assert alerts.routes[0].escalate_after == 900
    assert options.receiver_secrets == {
        "team-chat": "https://hooks.slack.com/services/x",
        "hook": "from a file",
        "mail": "",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[alerts]\nreceiver = "x"', "alerts.receiver: no receiver is called 'x'; there are: none"),
        ('[[alerts.routes]]\nreceiver = "x"\n' + HOOK, "alerts.routes[0].receiver: no receiver is"),
        (
            '[[alerts.routes]]\nreceiver = "hook"\nescalate_after = "1m"\nescalate_to = "x"\n'
            + HOOK,
            "alerts.routes[0].escalate_to: no receiver is called 'x'; there are: hook",
        ),
        (
            '[[alerts.routes]]\nreceiver = "hook"\nescalate_to = "hook"\n' + HOOK,
            "alerts.routes[0]: Expected escalate_after and escalate_to together",
        ),
        (
            '[[alerts.routes]]\nreceiver = "hook"\nmatchers = ["severity"]\n' + HOOK,
            "alerts.routes[0]: 'severity' is no matcher",
        ),
        (
            '[[alerts.routes]]\nreceiver = "hook"\nname = "a"\n' * 2 + HOOK,
            "alerts.routes[1].name: 'a' is taken already",
        ),
        ('[alerts.receivers.Hook]\ntype = "slack"', "alerts.receivers: Expected `str` matching"),
        ('[alerts.receivers.x]\ntype = "fax"', "alerts.receivers.x.type: Invalid enum value 'fax'"),
        ('[alerts.receivers.x]\ntype = "webhook"', "alerts.receivers.x: Expected url, the address"),
        (
            '[alerts.receivers.x]\ntype = "webhook"\nurl = "ftp://example.com"',
            "alerts.receivers.x: Expected an address that begins with https://",
        ),
        (
            '[alerts.receivers.x]\ntype = "webhook"\nurl = "https://me:pw@example.com"',
            "alerts.receivers.x: Expected no name or password in an address",
        ),
        (
            '[alerts.receivers.x]\ntype = "slack"\nurl = "https://example.com"',
            "alerts.receivers.x: Expected no url for slack",
        ),
        ('[alerts.receivers.x]\ntype = "email"', "alerts.receivers.x: Expected to, a list of"),
        (
            '[alerts.receivers.x]\ntype = "email"\nto = ["a b@example.com"]',
            "alerts.receivers.x: Expected addresses such as ops@example.com, got 'a b@example.com'",
        ),
        (
            '[alerts.receivers.x]\ntype = "email"\nto = ["a@example.com"]',
            "alerts.receivers.x: Expected alerts.smtp.host, for it is told by e-mail",
        ),
        (
            '[alerts.receivers.x]\ntype = "slack"',
            "alerts.receivers.x: Expected the address of its incoming webhook in "
            "EVENTSCOPE_RECEIVER_X or in the file",
        ),
        (
            '[alerts.receivers.x]\ntype = "slack"\nquiet = {from = "25:00"}',
            "alerts.receivers.x.quiet.from: Expected `str` matching regex",
        ),
        (
            '[alerts.receivers.x]\ntype = "slack"\nquiet = {time_zone = "Mars/Base"}',
            "alerts.receivers.x.quiet: Expected a time zone such as 'Europe/Berlin', got 'Mars/Base'",
        ),
        (
            '[alerts.receivers.x]\ntype = "slack"\nquiet = {from = "07:00"}',
            "alerts.receivers.x.quiet: Expected from and until to differ",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OptionsError) as refused:
        load(tmp_path, text, **KEYS)
    assert words in str(refused.value)


def test_a_secret_that_is_no_address_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(OptionsError) as refused:
        load(tmp_path, '[alerts.receivers.x]\ntype = "slack"', EVENTSCOPE_RECEIVER_X="hush://it")
    assert "environment: EVENTSCOPE_RECEIVER_X: Expected an address" in str(refused.value)
    assert "hush" not in str(refused.value)
