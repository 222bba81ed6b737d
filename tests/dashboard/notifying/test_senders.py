"""Each kind of receiver against a real other side: what arrives, and what is said when it does not."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from email.message import EmailMessage

import pytest

from dashboard.notifying.receivers import configured_receivers
from dashboard.notifying.senders import http as http_module
from dashboard.notifying.senders import send
from dashboard.notifying.senders.errors import DeliveryError
from tests.dashboard.care import HOSTILE
from tests.dashboard.notifying.conftest import Configure
from tests.dashboard.notifying.makers import alert, content, make_notification
from tests.dashboard.notifying.servers import HttpSide, MailSide

KEY = "a key to sign with"
of_apprise = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""Importing all its plug-ins on an old Python warns of the standard library's own leaving."""


@pytest.fixture
def hook(http: HttpSide, configure: Configure) -> HttpSide:
    receivers = {"hook": {"type": "webhook", "url": f"{http.url}/in?a=1", "private": True}}
    configure({"receivers": receivers}, {"hook": KEY})
    return http


def told(name: str = "hook", **given: object) -> str:
    return send(configured_receivers()[name], make_notification(name, **given))


def refusal(name: str = "hook", **given: object) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        told(name, **given)
    return refused.value


def test_webhook_gets_our_json_with_id_and_a_signature_that_verifies(hook: HttpSide) -> None:
    assert told() == "answered 200"
    [came] = hook.received
    assert came.path == "/in?a=1"
    assert came.headers["Eventscope-Notification"] == came.json["id"] == "a" * 32
    assert came.json["alerts"][0]["startedAt"] == "2027-01-15T07:59:00.000Z"
    assert came.json["counts"] == {"firing": 1, "acknowledged": 0, "resolved": 0, "critical": 1}
    at, signature = re.fullmatch(  # type: ignore[union-attr]
        r"t=(\d+),v1=([0-9a-f]{64})", came.headers["Eventscope-Signature"]
    ).groups()
    signed = f"{at}.".encode() + came.body
    assert signature == hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert abs(time.time() - int(at)) < 60


@pytest.mark.parametrize(
    ("answer", "for_good", "words"),
    [
        (500, False, "answered 500: said so"),
        (429, False, "answered 429"),
        (404, False, "answered 404"),
        (400, True, "answered 400: said so"),
        (422, True, "answered 422"),
        ("close", False, "could not be told"),
    ],
)
def test_what_is_not_taken_is_told_in_words(
    hook: HttpSide, answer: object, for_good: bool, words: str
) -> None:
    hook.script = [answer]
    error = refusal()
    assert words in str(error)
    assert error.for_good is for_good


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://10.0.0.5/elsewhere", "a redirect to 10.0.0.5, a private address"),
        ("http://[::1]/", "a redirect to ::1, a private address"),
        ("https://example.com/hook", "a redirect to example.com."),
        ("/other", "a redirect to 127.0.0.1, a private address"),
    ],
)
def test_a_redirect_is_not_followed_and_told_with_where_it_leads(
    hook: HttpSide, location: str, words: str
) -> None:
    hook.script = [(301, {"Location": location}, "")]
    error = refusal()
    assert f"Answered 301, {words}" in str(error)
    assert "give the receiver hook the address" in str(error)
    assert len(hook.received) == 1


@pytest.mark.parametrize("answer", ["silent", "drip"])
def test_who_answers_slowly_is_left_when_the_time_is_over(
    hook: HttpSide, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(http_module, "TIMEOUT_S", 0.5)
    hook.script = [answer]
    assert "did not answer within 0.5 s" in str(refusal())


def test_nothing_goes_to_a_private_address_unless_the_receiver_says_so(
    http: HttpSide, configure: Configure
) -> None:
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        url = f"http://{host}:{http.port}/"
        configure({"receivers": {"hook": {"type": "webhook", "url": url}}}, {"hook": KEY})
        assert "a private address. Nothing is sent there unless" in str(refusal())
    assert http.received == []


def test_nothing_goes_to_a_host_that_is_not_among_the_targets(
    http: HttpSide, configure: Configure
) -> None:
    receivers = {"hook": {"type": "webhook", "url": http.url, "private": True}}
    configure({"targets": ["*.example.com"], "receivers": receivers}, {"hook": KEY})
    assert "none of [alerts] targets" in str(refusal())
    assert http.received == []


def test_who_is_not_there_is_told_without_the_address(configure: Configure) -> None:
    url = "http://127.0.0.1:1/a-secret-path"
    receivers = {"hook": {"type": "slack", "private": True}}
    configure({"receivers": receivers}, {"hook": url})
    words = str(refusal())
    assert "Could not connect" in words
    assert "a-secret-path" not in words


def test_a_host_without_an_address_is_told(configure: Configure) -> None:
    receivers = {"hook": {"type": "webhook", "url": "https://no-such-host.invalid/"}}
    configure({"receivers": receivers}, {"hook": KEY})
    assert "no-such-host.invalid could not be resolved" in str(refusal())


def test_slack_gets_one_coloured_part_with_nothing_of_ours_read_as_markup(
    http: HttpSide, configure: Configure
) -> None:
    configure({"receivers": {"chat": {"type": "slack", "private": True}}}, {"chat": http.url})
    hostile = content(
        alerts=[alert(summary=HOSTILE)], acknowledgeUrl="https://eventscope.example/a"
    )
    told("chat", title="<!channel> & all", content=hostile)
    [came] = http.received
    assert came.json["text"] == "&lt;!channel&gt; &amp; all"
    [part] = came.json["attachments"]
    text = part["blocks"][0]["text"]["text"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count("<") == 1
    assert part["color"] == "#d63939"
    assert "|Acknowledge>" in part["blocks"][1]["elements"][0]["text"]


def test_slack_is_sent_no_longer_section_than_it_takes(
    http: HttpSide, configure: Configure
) -> None:
    configure({"receivers": {"chat": {"type": "slack", "private": True}}}, {"chat": http.url})
    told(
        "chat", content=content(alerts=[alert(n, summary="x" * 500) for n in range(20)], omitted=9)
    )
    section = http.received[0].json["attachments"][0]["blocks"][0]["text"]["text"]
    assert len(section) <= 3000
    assert section.endswith("…")


def test_teams_gets_an_adaptive_card_whose_texts_are_texts(
    http: HttpSide, configure: Configure
) -> None:
    configure({"receivers": {"chat": {"type": "teams", "private": True}}}, {"chat": http.url})
    http.script = [202]
    assert (
        told("chat", content=content(alerts=[alert(summary="[x](http://bad)")])) == "answered 202"
    )
    [attachment] = http.received[0].json["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    texts = [block["text"] for block in attachment["content"]["body"]]
    assert any(r"\[x\](http://bad)" in text for text in texts)
    assert attachment["content"]["actions"] == [
        {
            "type": "Action.OpenUrl",
            "title": "Open in Eventscope",
            "url": "https://eventscope.example/alerts/",
        }
    ]


def test_pagerduty_opens_acknowledges_and_ends_one_incident(
    http: HttpSide, configure: Configure
) -> None:
    receivers = {"duty": {"type": "pagerduty", "url": http.url, "private": True}}
    configure({"receivers": receivers}, {"duty": "r" * 32})
    for status in ("firing", "acknowledged", "resolved"):
        told("duty", content=content(status=status))
    events = [came.json for came in http.received]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert len({event["dedup_key"] for event in events}) == 1
    assert {event["routing_key"] for event in events} == {"r" * 32}
    assert events[0]["payload"]["severity"] == "critical"
    assert events[0]["payload"]["timestamp"] == "2027-01-15T08:00:00.000Z"
    assert "payload" not in events[1]


def test_pagerduty_ends_the_incidents_that_a_storm_takes_over(
    http: HttpSide, configure: Configure
) -> None:
    receivers = {"duty": {"type": "pagerduty", "url": http.url, "private": True}}
    configure({"receivers": receivers}, {"duty": "r" * 32})
    told("duty", thread="one")
    told("duty", thread="storm", content=content(reason="storm", closes=["one"]))
    first, storm, end = (came.json for came in http.received)
    assert (storm["event_action"], end["event_action"]) == ("trigger", "resolve")
    assert end["dedup_key"] == first["dedup_key"] != storm["dedup_key"]


def test_alertmanager_gets_every_alert_with_an_end_it_can_wait_for(
    http: HttpSide, configure: Configure
) -> None:
    receivers = {"am": {"type": "alertmanager", "url": http.url, "private": True}}
    configure({"receivers": receivers}, {"am": "token"})
    over = alert(2, status="resolved", resolvedMs=1_800_000_000_000, labels={"a.b": "c"})
    assert told("am", content=content(alerts=[alert(), over])) == "2 alerts taken"
    [came] = http.received
    assert came.path == "/api/v2/alerts"
    assert came.headers["Authorization"] == "Bearer token"
    firing, resolved = came.json
    assert firing["labels"] == {
        "alertname": "error-rate",
        "severity": "critical",
        "subject": "payment",
        "consumer": "payment",
        "origin": "eventscope",
    }
    assert firing["startsAt"] == "2027-01-15T07:59:00.000Z"
    assert firing["endsAt"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1000))
    assert resolved["endsAt"] == "2027-01-15T08:00:00.000Z"
    assert resolved["labels"]["a_b"] == "c"


@of_apprise
def test_apprise_carries_the_message_to_whatever_it_knows(
    http: HttpSide, configure: Configure
) -> None:
    configure(
        {"receivers": {"rest": {"type": "apprise"}}}, {"rest": f"json://127.0.0.1:{http.port}/x"}
    )
    assert told("rest") == "taken"
    [came] = http.received
    assert came.json["title"].startswith("Critical: 2.3% of payment")
    assert came.json["type"] == "failure"
    assert "a" * 32 in came.json["message"]


@of_apprise
def test_apprise_tells_what_it_does_not_know_or_could_not_do_without_the_address(
    http: HttpSide, configure: Configure
) -> None:
    configure({"receivers": {"rest": {"type": "apprise"}}}, {"rest": "nonsense://secret"})
    assert str(refusal("rest")) == "Apprise does not know this kind of address."
    http.script = [500]
    configure(
        {"receivers": {"rest": {"type": "apprise"}}},
        {"rest": f"json://user:hidden@127.0.0.1:{http.port}/x"},
    )
    assert "hidden" not in str(refusal("rest"))


@pytest.fixture
def post(mail: MailSide, configure: Configure) -> MailSide:
    configure({"receivers": {"post": {"type": "email", "to": ["a@example.com", "b@example.com"]}}})
    return mail


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body(preferencelist=(kind,))
    assert found is not None
    return found.get_content()


def test_mail_comes_as_text_and_html_once_for_all_with_a_lasting_id(post: MailSide) -> None:
    assert told("post") == "taken for 2"
    told("post")
    first, second = post.received
    assert post.recipients[0] == ["a@example.com", "b@example.com"]
    assert first["Subject"] == "Critical: 2.3% of payment's handlings fail, objective 0.1%"
    assert first["Message-ID"] == second["Message-ID"] == f"<{'a' * 32}@example.com>"
    assert first["Eventscope-Notification"] == "a" * 32
    assert first["References"] == second["References"]
    assert "[critical] 2.3% of payment's handlings fail" in part(first, "plain")
    assert "https://eventscope.example/alerts/1/" in part(first, "html")


def test_mail_shows_what_others_wrote_as_text_and_a_line_break_makes_no_header(
    post: MailSide,
) -> None:
    hostile = content(alerts=[alert(summary=HOSTILE)])
    told("post", title="one\r\nBcc: x@example.com", content=hostile)
    [message] = post.received
    assert message["Bcc"] is None
    assert message["Subject"] == "one Bcc: x@example.com"
    assert "<script>" not in part(message, "html")
    assert HOSTILE in part(message, "plain")


@pytest.mark.parametrize(
    ("answer", "for_good"), [("452 full just now", False), ("550 not wanted", True)]
)
def test_a_mail_server_that_refuses_is_told_in_its_words(
    post: MailSide, answer: str, for_good: bool
) -> None:
    post.script = [answer]
    error = refusal("post")
    assert answer[4:] in str(error)
    assert error.for_good is for_good


def test_a_mail_server_that_is_not_there_is_told(
    configure: Configure, settings: object, mail: MailSide
) -> None:
    configure({"receivers": {"post": {"type": "email", "to": ["a@example.com"]}}})
    settings.EMAIL_PORT = 1  # type: ignore[attr-defined]
    assert "The mail server 127.0.0.1:1 did not take it" in str(refusal("post"))
