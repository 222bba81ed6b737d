from __future__ import annotations

import json

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import AuditEntry, Role, User
from dashboard.explore.models import SavedSearch
from dashboard.explore.searches import MOST_SEARCHES, searches_for

pytestmark = pytest.mark.django_db(databases=["default", "events"])

STATE = "type=ORDER_%2A&range=1h&columns=time%2Ctype"


def signed_in(name: str, role: Role = Role.VIEWER) -> Client:
    user, _ = User.objects.get_or_create(username=name, defaults={"role": role})
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def save(client: Client, name: str = "Orders", **more: str) -> SavedSearch:
    answer = client.post("/searches/save/", {"name": name, "state": STATE, **more})
    assert answer.status_code == 302
    return SavedSearch.objects.get(name=name)


def actions() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("number").values_list("actor", "action"))


def test_saved_search_opens_the_list_it_was_saved_from(visitor: Client) -> None:
    search = save(visitor)
    answer = visitor.get(f"/searches/{search.pk}/")
    assert answer["Location"] == f"/events/?{STATE}"
    assert actions() == [("vera", "search.saved")]


def test_page_and_tail_are_no_part_of_a_search(visitor: Client) -> None:
    search = save(visitor, state="type=A&cursor=abc&tail=on")
    assert search.state == "type=A"


def test_private_search_is_its_owners_alone(visitor: Client) -> None:
    search = save(visitor)
    other = signed_in("otto")
    assert other.get(f"/searches/{search.pk}/").status_code == 404
    assert "Orders" not in other.get("/searches/").content.decode()
    assert "Orders" not in other.get("/events/").content.decode()


def test_shared_search_is_seen_by_all_and_changed_by_owner_and_admin_alone(visitor: Client) -> None:
    search = save(visitor, shared="on")
    change = {"name": "Mine now", "description": "", "shared": "on"}
    otto, ada = signed_in("otto"), signed_in("ada", Role.ADMIN)

    assert otto.get(f"/searches/{search.pk}/").status_code == 302
    refused = otto.post(f"/searches/{search.pk}/change/", change, follow=True)
    assert "Only vera or an admin may change this search." in refused.content.decode()
    otto.post(f"/searches/{search.pk}/delete/")
    assert SavedSearch.objects.get().name == "Orders"

    ada.post(f"/searches/{search.pk}/change/", change)
    assert SavedSearch.objects.get().name == "Mine now"
    ada.post(f"/searches/{search.pk}/delete/")
    assert not SavedSearch.objects.exists()
    assert actions() == [
        ("vera", "search.saved"),
        ("ada", "search.changed"),
        ("ada", "search.deleted"),
    ]


def test_change_without_a_state_keeps_what_the_search_shows(visitor: Client) -> None:
    search = save(visitor)
    visitor.post(f"/searches/{search.pk}/change/", {"name": "New", "description": "why"})
    search.refresh_from_db()
    assert (search.name, search.description, search.state) == ("New", "why", STATE)


def test_pinned_search_stands_first_for_the_one_who_pinned_it(
    visitor: Client, viewer: User
) -> None:
    save(visitor, "A", shared="on")
    second = save(visitor, "B", shared="on")
    visitor.post(f"/searches/{second.pk}/pin/", {"pinned": "on"})
    otto = User.objects.create_user("otto", role=Role.VIEWER)
    assert [one.name for one in searches_for(viewer)] == ["B", "A"]
    assert [one.name for one in searches_for(otto)] == ["A", "B"]
    visitor.post(f"/searches/{second.pk}/pin/", {"pinned": "off"})
    assert [one.name for one in searches_for(viewer)] == ["A", "B"]


@pytest.mark.parametrize(
    ("posted", "told"),
    [
        ({"name": "", "state": ""}, "name: This field is required."),
        ({"name": "n" * 81, "state": ""}, "name: Ensure this value has at most 80 characters"),
        ({"name": "Orders", "state": ""}, "vera has a search of this name already."),
    ],
)
def test_search_that_cannot_be_kept_says_why(
    visitor: Client, posted: dict[str, str], told: str
) -> None:
    save(visitor)
    answer = visitor.post("/searches/save/", posted, follow=True)
    assert told in answer.content.decode()
    assert SavedSearch.objects.count() == 1


@pytest.mark.parametrize(
    "state", ["nope=1", "type=A&columns=x", "since=yesterday", "a=" + "x" * 5000]
)
def test_state_that_is_not_understood_is_refused(visitor: Client, state: str) -> None:
    answer = visitor.post("/searches/save/", {"name": "Bad", "state": state})
    assert answer.status_code == 400
    assert not SavedSearch.objects.exists()


def test_searches_of_one_person_are_bounded(visitor: Client, viewer: User) -> None:
    SavedSearch.objects.bulk_create(
        SavedSearch(owner=viewer, name=f"s{n}", created_ms=1, changed_ms=1)
        for n in range(MOST_SEARCHES)
    )
    answer = visitor.post("/searches/save/", {"name": "One more", "state": ""}, follow=True)
    assert "delete one first" in answer.content.decode()


def test_columns_become_ones_own_default_and_the_address_wins(visitor: Client) -> None:
    posted = {"columns": "type,payload.orderId", "density": "compact", "state": "type=A"}
    answer = visitor.post("/explore/columns/", posted)
    assert answer["Location"] == "/events/?type=A"
    [entry] = AuditEntry.objects.filter(action="events_list.default")
    assert json.loads(entry.detail) == {"columns": "type,payload.orderId", "density": "compact"}

    def shown(client: Client, query: str = "") -> str:
        return client.get(f"/events/{query}").context["shown"].names

    assert shown(visitor) == "type,payload.orderId"
    assert shown(visitor, "?columns=time") == "time"
    assert shown(signed_in("otto")).startswith("time,type,outcome")


@pytest.mark.parametrize("searches", [1, 30])
@pytest.mark.parametrize(("url", "most"), [("/searches/", 8), ("/events/", 14)])
def test_number_of_queries_does_not_grow_with_searches(
    visitor: Client, viewer: User, url: str, most: int, searches: int
) -> None:
    SavedSearch.objects.bulk_create(
        SavedSearch(owner=viewer, name=f"s{n}", shared=True, created_ms=1, changed_ms=1)
        for n in range(searches)
    )
    with CaptureQueriesContext(connections["default"]) as seen:
        html = visitor.get(url).content.decode()
    assert html.count(">s") >= min(searches, 12)
    assert len(seen) <= most
