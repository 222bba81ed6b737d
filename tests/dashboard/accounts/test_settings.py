"""What people change about themselves, and admins about others."""

from __future__ import annotations

import pytest

from dashboard.accounts.links import usable_link
from dashboard.accounts.models import ApiToken, AuditEntry, Role, User
from dashboard.accounts.tokens import user_for_token
from tests.dashboard.accounts.factories import PASSWORD, client_of, make_user

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NEW = "another long password"


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("number").values_list("action", flat=True))


def test_a_new_password_ends_the_other_sessions() -> None:
    user = make_user()
    here, elsewhere = client_of(user), client_of(user)

    done = here.post("/settings/password/", {"current": PASSWORD, "new": NEW})

    assert done.status_code == 302
    assert User.objects.get().check_password(NEW)
    assert here.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302
    assert actions() == ["user.password"]


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [
        ("wrong", NEW, "not your present password"),
        (PASSWORD, "short", "too short"),
        (PASSWORD, "password123", "too common"),
    ],
)
def test_a_password_that_will_not_do_is_refused(current: str, new: str, said: str) -> None:
    user = make_user()

    refused = client_of(user).post("/settings/password/", {"current": current, "new": new})

    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert User.objects.get().check_password(PASSWORD)


def test_who_came_by_link_sets_a_first_password_without_the_present_one() -> None:
    user = make_user()
    user.set_unusable_password()
    user.save()

    assert client_of(user).post("/settings/password/", {"new": NEW}).status_code == 302


def test_an_admin_adds_somebody_and_hands_them_a_link() -> None:
    page = client_of(make_user(Role.ADMIN)).post(
        "/settings/people/", {"username": "grace", "role": "operator"}
    )

    link = usable_link(page.context["link"]["url"].split("/")[-2])
    assert link is not None
    assert (link.user.username, link.user.role) == ("grace", "operator")
    assert actions() == ["user.add", "link.add"]


def test_a_name_that_is_taken_is_refused() -> None:
    refused = client_of(make_user(Role.ADMIN)).post(
        "/settings/people/", {"username": "admin", "role": "viewer"}
    )

    assert refused.status_code == 422
    assert "already exists" in refused.content.decode()


def test_an_admin_changes_a_role_and_it_is_audited_once() -> None:
    client, other = client_of(make_user(Role.ADMIN)), make_user(Role.VIEWER)
    for _ in range(2):
        client.post(f"/settings/people/{other.pk}/", {"role": "operator", "active": "on"})

    other.refresh_from_db()
    assert other.role == Role.OPERATOR
    assert actions() == ["user.change"]


@pytest.mark.parametrize("change", [{"role": "viewer", "active": "on"}, {"role": "admin"}])
def test_the_last_admin_stays_admin(change: dict[str, str]) -> None:
    admin = make_user(Role.ADMIN)

    page = client_of(admin).post(f"/settings/people/{admin.pk}/", change, follow=True)

    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)
    assert "This is the last admin" in page.content.decode()


def test_a_token_is_shown_once() -> None:
    client = client_of(make_user(Role.ADMIN))

    shown = client.post("/settings/tokens/", {"name": "ci", "role": "viewer"})
    later = client.get("/settings/").content.decode()

    raw = shown.context["token"]
    assert user_for_token(raw) is not None
    assert raw in shown.content.decode()
    assert raw not in later
    assert raw[:10] in later


def test_a_revoked_token_leaves_the_page() -> None:
    client = client_of(make_user(Role.ADMIN))
    raw = client.post("/settings/tokens/", {"name": "ci", "role": "viewer"}).context["token"]

    client.post(f"/settings/tokens/{ApiToken.objects.get().pk}/revoke/")

    assert user_for_token(raw) is None
    assert raw[:10] not in client.get("/settings/").content.decode()
    assert actions() == ["token.add", "token.revoke"]


def test_a_viewer_sees_neither_people_nor_tokens() -> None:
    page = client_of(make_user()).get("/settings/").content.decode()

    assert "API tokens" not in page
    assert "Change password" in page
