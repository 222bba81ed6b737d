"""Signing in by password and by link, and out."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.accounts.links import ensure_admin, issue_sign_in_link
from dashboard.accounts.models import AuditEntry, Role, SignInLink, User
from tests.dashboard.accounts.factories import PASSWORD, client_of, make_user
from tests.dashboard.accounts.racing import race

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_every_page_asks_to_sign_in_and_leads_back() -> None:
    make_user(username="ada")
    client = Client()

    asked = client.get("/audit/?actor=ada")
    done = client.post(
        asked["Location"], {"username": "ada", "password": PASSWORD, "next": "/audit/?actor=ada"}
    )

    assert asked["Location"] == "/sign-in/?next=/audit/%3Factor%3Dada"
    assert (done.status_code, done["Location"]) == (302, "/audit/?actor=ada")
    assert AuditEntry.objects.get().action == "sign-in"


def test_another_site_is_not_led_to() -> None:
    make_user(username="ada")

    done = Client().post(
        "/sign-in/", {"username": "ada", "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert done["Location"] == "/"


def test_a_wrong_password_is_refused_without_telling_which_was_wrong() -> None:
    make_user(username="ada")

    wrong = Client().post("/sign-in/", {"username": "ada", "password": "x"})
    nobody = Client().post("/sign-in/", {"username": "bob", "password": "x"})

    said = "Name or password is wrong."
    assert said in wrong.content.decode()
    assert said in nobody.content.decode()


def test_many_wrong_passwords_lock_the_name_even_for_the_right_one() -> None:
    make_user(username="ada")
    client = Client()
    for _ in range(10):
        last = client.post("/sign-in/", {"username": "ada", "password": "x"})

    right = client.post("/sign-in/", {"username": "ada", "password": PASSWORD})

    assert last.status_code == 429
    assert right.status_code == 429
    assert "Locked for a while" in right.content.decode()


def test_somebody_made_inactive_is_out_at_once() -> None:
    user = make_user()
    client = client_of(user)
    assert client.get("/settings/").status_code == 200

    User.objects.update(is_active=False)

    assert client.get("/settings/").status_code == 302


def test_signing_out_takes_a_post() -> None:
    client = client_of(make_user())

    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_link_signs_in_once() -> None:
    path = issue_sign_in_link(make_user(username="ada"))
    client = Client()

    seen = client.get(path)
    done = client.post(path)
    again = Client().post(path)

    assert "Sign in as ada" in seen.content.decode()
    assert (done.status_code, done["Location"]) == (302, "/")
    assert client.get("/settings/").status_code == 200
    assert again.status_code == 410
    assert "does not work any more" in again.content.decode()


def test_fetching_a_link_does_not_use_it_up() -> None:
    path = issue_sign_in_link(make_user())
    for _ in range(3):
        Client().get(path)
        Client().head(path)

    assert Client().post(path).status_code == 302


def test_a_link_is_over_after_its_time() -> None:
    path = issue_sign_in_link(make_user())
    SignInLink.objects.update(expires_ms=1)

    assert Client().get(path).status_code == 410
    assert Client().post(path).status_code == 410


def test_a_link_of_somebody_inactive_does_not_work() -> None:
    path = issue_sign_in_link(make_user())
    User.objects.update(is_active=False)

    assert Client().post(path).status_code == 410


def test_a_link_needs_its_form() -> None:
    path = issue_sign_in_link(make_user())

    refused = Client(enforce_csrf_checks=True).post(path)

    assert refused.status_code == 403
    assert "could not be trusted" in refused.content.decode()
    assert SignInLink.objects.get().used_ms is None


def test_only_the_hash_of_a_link_is_kept() -> None:
    path = issue_sign_in_link(make_user())

    assert path.split("/")[2] not in str(SignInLink.objects.values().get())


def test_of_many_who_use_a_link_at_once_one_gets_in(tmp_path: Path) -> None:
    let_in = race(tmp_path, "make-link", work="link", times=3)

    assert sorted(let_in) == ["False", "False", "True"]


def test_the_first_admin_has_no_password_unless_one_is_set(settings: Settings) -> None:
    settings.ADMIN_PASSWORD = ""
    bare = ensure_admin()
    settings.ADMIN_PASSWORD = PASSWORD
    same = ensure_admin()

    assert (bare.username, bare.role, bare.has_usable_password()) == ("admin", Role.ADMIN, False)
    assert same.pk == bare.pk
    assert same.check_password(PASSWORD)


def test_a_set_password_does_not_end_sessions_at_every_start(settings: Settings) -> None:
    settings.ADMIN_PASSWORD = PASSWORD
    client = client_of(ensure_admin())

    ensure_admin()

    assert client.get("/settings/").status_code == 200
