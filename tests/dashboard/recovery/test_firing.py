"""Rules at work: tried, on, off; once for each letter and step, whoever is killed when."""

from __future__ import annotations

import json
import time
from html import unescape
from typing import Any

import msgspec
import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import AuditEntry, Role
from dashboard.notifying.models import Notification
from dashboard.recovery import firing
from dashboard.recovery.firing import carry_out_rules
from dashboard.recovery.models import Firing, HandlerRule, Job
from dashboard.recovery.ruling import (
    RuleError,
    add_rule,
    change_mode,
    remove_rule,
    sync_configured,
    would_match,
)
from dashboard.recovery.working import Worker
from ingest.models import DeadLetter
from tests.dashboard.care import HOSTILE, client_for, make_breaker
from tests.dashboard.notifying.conftest import Configure, configure
from tests.dashboard.recovery.conftest import Shop, make_original

__all__ = ["configure"]

pytestmark = pytest.mark.django_db(databases=["default", "events"])

ERROR = "OUT_OF_STOCK"


def rule(*actions: str, mode: str = "on", match: str = "error", value: str = ERROR) -> HandlerRule:
    made = add_rule(by="root", match=match, value=value, actions=actions)
    if mode != "off":
        change_mode(made.pk, "tried", by="root")
        change_mode(made.pk, mode, by="root")
    return made


def old(number: int, minutes: float = 10, **given: Any) -> DeadLetter:
    """A letter that arrived so long ago."""
    return make_original(number, received_ms=int(time.time() * 1000 - minutes * 60_000), **given)


def test_a_rule_that_is_tried_does_nothing_and_tells_what_it_would_do() -> None:
    made = rule("log", "redrive after 5m up to 3", mode="tried")
    letter = old(1)

    assert carry_out_rules() == 2

    fired = Firing.objects.order_by("step").values_list("letter", "step", "tried", "job")
    assert list(fired) == [(letter.pk, "log", True, None), (letter.pk, "redrive", True, None)]
    assert Job.objects.count() == 0
    assert set(
        AuditEntry.objects.filter(actor=f"rule {made.pk}").values_list("action", flat=True)
    ) == {"rule.tried"}


def test_a_rule_that_is_on_redrives_through_a_job_once(shop: Shop) -> None:
    rule("redrive after 5m up to 3")
    old(1)
    early = old(2, minutes=1)
    other = old(3, error_type="Other")

    assert carry_out_rules() == 1
    assert carry_out_rules() == 0
    shop.worker.step()

    assert shop.ids() == ["evt_1"]
    job = Job.objects.get()
    assert (job.kind, job.created_by.startswith("rule ")) == ("redrive", True)
    assert Firing.objects.get().job == job.pk
    told = json.loads(AuditEntry.objects.get(action="rule.fired").detail)
    assert (told["letters"], told["job"], told["step"]) == (1, job.pk, "redrive after 5m up to 3")
    assert {early.pk, other.pk}.isdisjoint(Firing.objects.values_list("letter", flat=True))


def test_letters_from_before_it_was_turned_on_are_left_alone() -> None:
    old(1)
    rule("log", "discard after 1m")
    assert carry_out_rules() == 0


def test_back_off_doubles_and_ends() -> None:
    rule("redrive after 4m up to 2")
    due = old(1, minutes=10, redrives=1)
    old(2, minutes=7, redrives=1)
    old(3, minutes=1000, redrives=2)

    carry_out_rules()

    assert list(Firing.objects.values_list("letter", flat=True)) == [due.pk]


def test_what_the_house_allows_bounds_every_rule(settings: Any) -> None:
    settings.DASHBOARD = msgspec.structs.replace(
        settings.DASHBOARD,
        dead_letters=msgspec.structs.replace(settings.DASHBOARD.dead_letters, max_redrives=1),
    )
    rule("redrive after 1m up to 20")
    old(1, minutes=10_000, redrives=1)
    assert carry_out_rules() == 0


def test_letters_are_discarded_when_their_time_is_up() -> None:
    rule("discard after 5m")
    letter, fresh = old(1), old(2, minutes=1)

    carry_out_rules()
    Worker().step()

    assert DeadLetter.objects.get(pk=letter.pk).status == "discarded"
    assert DeadLetter.objects.get(pk=fresh.pk).status == "open"
    assert Job.objects.get().note.startswith("rule ")


def test_redrives_are_held_while_the_breaker_is_open() -> None:
    rule("redrive after 5m up to 3", "hold while breaker payment-provider is open")
    now = int(time.time() * 1000)
    breaker = make_breaker(seen_ms=now, since_ms=now)
    old(1)

    held = carry_out_rules()
    breaker.state = "closed"
    breaker.save()

    assert (held, carry_out_rules()) == (0, 1)


def test_a_letter_that_somebody_has_in_hand_waits_its_turn(shop: Shop) -> None:
    made = rule("discard after 5m")
    letter = old(1)
    operator = client_for(Role.OPERATOR)
    operator.post(f"/dead-letters/redrive/?letter={letter.pk}", {"canary": 0, "canary_percent": 0})
    shop.worker.step()

    assert carry_out_rules() == 0
    assert Firing.objects.filter(rule=made).count() == 0


def test_many_are_done_in_several_rounds_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "AT_ONCE", 4)
    monkeypatch.setattr(firing, "OVERLAP", 3)
    rule("log", "notify-admin", "discard after 5m")
    letters = [old(number).pk for number in range(10)]

    for _ in range(6):
        carry_out_rules()

    for step in ("log", "notify-admin", "discard"):
        fired = Firing.objects.filter(step=step).values_list("letter", flat=True)
        assert sorted(fired) == letters


@pytest.mark.parametrize("step", ["log", "discard after 5m"])
def test_killed_before_it_was_noted_it_is_done_by_the_next_and_once(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    rule(step)
    old(1)

    class Killed(BaseException):
        pass

    def die(*args: Any, **given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(firing, "_note", die)
        with pytest.raises(Killed):
            carry_out_rules()
    assert (Firing.objects.count(), Job.objects.count()) == (0, 0)

    assert (carry_out_rules(), carry_out_rules()) == (1, 0)
    assert Job.objects.count() == (step != "log")


def test_two_monitors_do_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one notes it between our look and our note."""
    made = rule("discard after 5m")
    letter = old(1)
    looked = firing._waited

    def raced(*args: Any) -> list[int]:
        found = looked(*args)
        Firing.objects.get_or_create(
            rule=made, letter=letter.pk, step="discard", defaults={"at_ms": int(time.time() * 1000)}
        )
        return found

    monkeypatch.setattr(firing, "_waited", raced)
    assert carry_out_rules() == 0
    assert (Firing.objects.count(), Job.objects.count()) == (1, 0)


def test_turned_off_meanwhile_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = rule("discard after 5m")
    old(1)
    looked = firing._waited

    def late(*args: Any) -> list[int]:
        found = looked(*args)
        change_mode(made.pk, "off", by="root")
        return found

    monkeypatch.setattr(firing, "_waited", late)
    assert carry_out_rules() == 0
    assert Job.objects.count() == 0


def test_admins_are_told_once_for_all_letters_of_a_rule(configure: Configure) -> None:
    address = {"admin": "https://hooks.slack.com/x"}
    configure({"receivers": {"admin": {"type": "slack"}}}, address)
    rule("notify-admin", value="*")
    one, other = old(1), old(2, error_type="{Odd}")

    carry_out_rules()
    carry_out_rules()

    message = Notification.objects.get()
    assert message.title == "Dead letters of any error: 2"
    assert message.content["text"].endswith(f"The first of them: {one.pk}, {other.pk}")
    assert message.content["url"].endswith(f"/dead-letters/{one.pk}/")


def test_a_rule_that_is_only_tried_tells_nobody(configure: Configure) -> None:
    address = {"admin": "https://hooks.slack.com/x"}
    configure({"receivers": {"admin": {"type": "slack"}}}, address)
    rule("notify-admin", mode="tried", value=ERROR)
    old(1)
    carry_out_rules()
    assert Notification.objects.count() == 0


def test_a_name_that_is_a_pattern_is_told_as_it_is(configure: Configure) -> None:
    address = {"admin": "https://hooks.slack.com/x"}
    configure({"receivers": {"admin": {"type": "slack"}}}, address)
    rule("notify-admin", value="{Odd}")
    old(1, error_type="{Odd}")
    carry_out_rules()
    assert Notification.objects.get().title == "Dead letters of {Odd}: 1"


def test_a_rule_by_failure_and_one_for_any_error() -> None:
    rule("log", match="failure", value="f" * 16)
    rule("notify-admin", value="*")
    one, other = old(1), old(2, fingerprint="other", error_type="Other")

    carry_out_rules()

    fired = set(Firing.objects.values_list("letter", "step"))
    assert fired == {(one.pk, "log"), (one.pk, "notify-admin"), (other.pk, "notify-admin")}


def test_the_configured_ones_are_off_and_off_again_when_they_change() -> None:
    sync_configured({ERROR: ("notify-admin", "log"), "Odd": ("dance",)})
    made = HandlerRule.objects.get(value=ERROR)
    assert (made.mode, made.configured, made.actions) == ("off", True, ["notify-admin", "log"])
    change_mode(made.pk, "tried", by="root")

    sync_configured({ERROR: ("log",)})

    made.refresh_from_db()
    assert (made.mode, made.actions) == ("off", ["log"])
    assert HandlerRule.objects.count() == 1
    with pytest.raises(RuleError, match="stands in the configuration"):
        remove_rule(made.pk, by="root")


def test_what_it_would_have_looked_after_is_counted() -> None:
    one, any_error = rule("log", mode="off"), rule("log", mode="off", value="*")
    failure = rule("log", mode="off", match="failure", value="other")
    old(1)
    old(2, error_type="Other", fingerprint="other")
    old(3, minutes=25 * 60)

    counts = would_match([one, any_error, failure], now_ms=int(time.time() * 1000))

    assert counts == {one.pk: 1, any_error.pk: 2, failure.pk: 1}


@pytest.fixture
def admin() -> Client:
    return client_for(Role.ADMIN)


def add(client: Client, actions: str, value: str = ERROR) -> Any:
    form = {"match": "error", "value": value, "actions": actions}
    return client.post("/dead-letters/rules/add/", form)


def test_an_admin_makes_tries_and_turns_on_a_rule(admin: Client) -> None:
    old(1)
    assert add(admin, "log\nredrive after 5m up to 3").status_code == 302
    made = HandlerRule.objects.get()
    page = unescape(admin.get("/dead-letters/rules/").content.decode())
    assert "would have looked after 1 letter" in page
    path = f"/dead-letters/rules/{made.pk}/mode/"

    refused = admin.post(path, {"mode": "on"}, follow=True)
    assert "try it first" in unescape(refused.content.decode())
    for mode in ("tried", "on"):
        admin.post(path, {"mode": mode})
    made.refresh_from_db()
    assert (made.mode, made.changed_by) == ("on", "a-admin")
    admin.post(f"/dead-letters/rules/{made.pk}/remove/")
    assert HandlerRule.objects.count() == 0
    actions = AuditEntry.objects.order_by("number").values_list("action", flat=True)
    assert list(actions) == ["rule.added", "rule.tried", "rule.on", "rule.removed"]


@pytest.mark.parametrize(
    ("actions", "value", "said"),
    [
        ("dance", ERROR, "is not known"),
        ("", ERROR, "required"),
        ("log", "", "required"),
        ("log", "a\0b", "Null characters"),
        (HOSTILE, HOSTILE, "is not known"),
    ],
)
def test_a_rule_that_cannot_be_is_told(admin: Client, actions: str, value: str, said: str) -> None:
    answer = add(admin, actions, value)
    assert answer.status_code == 400
    assert said in unescape(answer.content.decode())
    assert "<script>alert" not in answer.content.decode()
    assert HandlerRule.objects.count() == 0


def test_one_rule_for_the_same_letters(admin: Client) -> None:
    add(admin, "log")
    assert "there is a rule" in unescape(add(admin, "notify-admin").content.decode())


def test_others_see_the_rules_and_change_none(admin: Client) -> None:
    add(admin, "log")
    made = HandlerRule.objects.get()
    operator = client_for(Role.OPERATOR)
    assert ERROR in operator.get("/dead-letters/rules/").content.decode()
    assert add(operator, "log", "Other").status_code == 403
    for word in ("mode", "remove"):
        assert operator.post(f"/dead-letters/rules/{made.pk}/{word}/").status_code == 403


def test_the_page_asks_as_much_for_one_rule_as_for_thirty(admin: Client) -> None:
    counts = []
    for names in (["E0"], [f"E{number}" for number in range(1, 30)]):
        for name in names:
            made = rule("log", value=name)
            Firing.objects.create(rule=made, letter=1, step="log", at_ms=int(time.time() * 1000))
        with (
            CaptureQueriesContext(connections["default"]) as ours,
            CaptureQueriesContext(connections["events"]) as theirs,
        ):
            assert admin.get("/dead-letters/rules/").status_code == 200
        counts.append(len(ours) + len(theirs))
    assert counts[0] == counts[1]


def test_letters_behind_many_that_were_acted_on_have_their_turn_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(firing, "AT_ONCE", 3)
    monkeypatch.setattr(firing, "MOST_PAGES", 1)
    made = rule("redrive after 1m up to 1")
    letters = [old(number) for number in range(8)]
    acted_on = int(time.time() * 1000) - 1000
    for letter in letters[:6]:  # and open still: nothing was heard of them
        Firing.objects.create(rule=made, letter=letter.pk, step="redrive", at_ms=acted_on)
    duty = firing.Rules()

    acted = [duty.step() for _ in range(4)]

    assert acted == [0, 0, 2, 0]
    fired = Firing.objects.filter(at_ms__gt=acted_on).values_list("letter", flat=True)
    assert sorted(fired) == [letter.pk for letter in letters[6:]]
