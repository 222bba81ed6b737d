"""Acting on many alerts from the list: by form and by htmx, with whatever a form may say."""

from __future__ import annotations

import pytest

from dashboard.accounts.models import Role
from dashboard.alerts.models import Episode
from tests.dashboard.care import client_for, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])
HTMX = {"HTTP_HX_REQUEST": "true"}


def make_many(count: int = 3) -> list[int]:
    return [make_episode(subject=f"consumer-{number}").pk for number in range(count)]


def test_the_chosen_ones_are_acknowledged_and_the_list_tells_what_is_so_now() -> None:
    ids = make_many()
    client = client_for(Role.OPERATOR)
    answer = client.post(
        "/alerts/together", {"id": ids[:2], "act": "acknowledge", "note": "mine"}, **HTMX
    )
    text = answer.content.decode()
    assert "Done for 2 alerts." in text
    assert ("Firing (1)" in text, "Acknowledged (2)" in text) == (True, True)
    assert Episode.objects.filter(acknowledged_by="a-operator").count() == 2


def test_without_scripts_the_page_comes_back_with_its_filter() -> None:
    (id,) = make_many(1)
    answer = client_for(Role.OPERATOR).post(
        "/alerts/together", {"id": id, "act": "resolve", "rule": "error-rate"}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/alerts/?rule=error-rate")
    assert Episode.objects.get().state == "resolved"


def test_who_comes_second_is_told_who_was_first() -> None:
    ids = make_many(2)
    Episode.objects.filter(pk=ids[0]).update(state="acknowledged", acknowledged_by="anna")
    answer = client_for(Role.OPERATOR).post(
        "/alerts/together", {"id": ids, "act": "acknowledge"}, **HTMX
    )
    assert "1 changed, 1 not: anna has acknowledged it already." in answer.content.decode()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"act": "acknowledge"}, "Choose at least one alert first."),
        ({"act": "explode", "id": "1"}, "&#x27;explode&#x27; is none of acknowledge, take_back"),
        ({"act": "snooze", "id": "1", "minutes": "7"}, "Choose for how long."),
        ({"act": "resolve", "id": ["1", "2x"]}, "&#x27;2x&#x27; is not the number of an alert."),
        ({"act": "resolve", "id": "١"}, "is not the number of an alert."),
        ({"act": "resolve", "id": "9" * 30}, "is not the number of an alert."),
        ({"act": "resolve", "id": ["1"] * 501}, "At most 500 alerts at once; these are 501."),
        ({"act": "resolve", "id": "1", "note": "x" * 2001}, "A note may have 2000 characters"),
    ],
)
def test_a_bad_form_is_told_in_words_and_changes_nothing(
    form: dict[str, object], said: str
) -> None:
    make_many(1)
    answer = client_for(Role.OPERATOR).post("/alerts/together", form, **HTMX)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert Episode.objects.get().state == "firing"


def test_a_viewer_neither_chooses_nor_acts() -> None:
    (id,) = make_many(1)
    viewer = client_for(Role.VIEWER)
    assert viewer.post("/alerts/together", {"id": id, "act": "resolve"}).status_code == 403
    assert "data-pick" not in viewer.get("/alerts/").content.decode()
    assert "data-pick" in client_for(Role.OPERATOR).get("/alerts/").content.decode()


def test_one_alert_is_assigned_and_resolved_on_its_page() -> None:
    (id,) = make_many(1)
    client = client_for(Role.OPERATOR)
    text = client.post(f"/alerts/{id}/assign", {"to": "a-operator"}, **HTMX).content.decode()
    assert "<dt>Assigned to</dt><dd>a-operator</dd>" in text
    text = client.post(f"/alerts/{id}/assign", {"to": "nobody"}, **HTMX).content.decode()
    assert "is not somebody who may act on alerts" in text
    text = client.post(f"/alerts/{id}/resolve", {"note": "restarted"}, **HTMX).content.decode()
    assert "by a-operator" in text
    assert Episode.objects.get().resolved_by == "a-operator"
