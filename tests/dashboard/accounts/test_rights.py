"""Who may do what, everywhere."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard.accounts.models import ApiToken, Role, User
from dashboard.accounts.rights import allows
from dashboard.accounts.tokens import issue_token
from tests.dashboard.accounts.factories import client_of, make_user

pytestmark = pytest.mark.django_db(databases=["default", "events"])

OPEN_TO_ALL = {
    "accounts:sign-in",
    "accounts:sign-in-link",
    "alerts:act",
    "live:healthz",
    "live:readyz",
    "live:metrics",
    "fleet:status",
    "fleet:status-badge",
}


def views(resolver: URLResolver, space: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            found += views(entry, entry.namespace or space)
        elif isinstance(entry, URLPattern):
            found.append((f"{space}:{entry.name}", entry.callback))
    return found


def test_every_view_but_the_probes_and_the_api_wants_a_session() -> None:
    """The API checks its own tokens (tests/dashboard/api)."""
    without = {
        name
        for name, view in views(get_resolver())
        if not getattr(view, "login_required", True) and not name.startswith("api")
    }

    assert without == OPEN_TO_ALL


@pytest.mark.parametrize(
    ("role", "asked", "allowed"),
    [
        (Role.VIEWER, Role.VIEWER, True),
        (Role.VIEWER, Role.OPERATOR, False),
        (Role.VIEWER, Role.ADMIN, False),
        (Role.OPERATOR, Role.VIEWER, True),
        (Role.OPERATOR, Role.OPERATOR, True),
        (Role.OPERATOR, Role.ADMIN, False),
        (Role.ADMIN, Role.ADMIN, True),
    ],
)
def test_a_role_may_do_what_those_before_it_may(role: Role, asked: Role, allowed: bool) -> None:
    assert allows(User(role=role), asked) is allowed


@pytest.mark.parametrize(
    "user",
    [None, AnonymousUser(), User(role="owner"), User(role=""), User(role="admin", is_active=False)],
)
def test_nobody_unknown_or_inactive_may_do_anything(user: object) -> None:
    assert not allows(user, Role.VIEWER)


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("get", "/settings/", Role.VIEWER),
        ("get", "/audit/", Role.OPERATOR),
        ("post", "/settings/people/", Role.ADMIN),
        ("post", "/settings/people/{user}/", Role.ADMIN),
        ("post", "/settings/people/{user}/link/", Role.ADMIN),
        ("post", "/settings/tokens/", Role.ADMIN),
        ("post", "/settings/tokens/{token}/revoke/", Role.ADMIN),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_pages_and_actions_by_role(method: str, path: str, least: Role, role: Role) -> None:
    user = make_user(role)
    issue_token("ci", Role.VIEWER)
    place = path.format(user=user.pk, token=ApiToken.objects.get().pk)

    answer = getattr(client_of(user), method)(place)

    assert (answer.status_code == 403) is not allows(user, least)


def test_a_program_gets_a_problem_instead_of_a_page() -> None:
    answer = client_of(make_user()).get("/audit/", headers={"accept": "application/json"})

    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 403


def test_the_audit_page_is_in_the_navigation_of_those_who_may_see_it() -> None:
    viewer, operator = make_user(Role.VIEWER), make_user(Role.OPERATOR)

    assert 'href="/audit/"' not in client_of(viewer).get("/settings/").content.decode()
    assert 'href="/audit/"' in client_of(operator).get("/settings/").content.decode()


def test_scripts_and_styles_come_from_our_files_only() -> None:
    answer = client_of(make_user()).get("/settings/")
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )

    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"


def test_error_pages_have_the_house_s_look() -> None:
    client = client_of(make_user())

    missing = client.get("/no/such/page/")
    stranger = Client().get("/no/such/page/")

    assert missing.status_code == stranger.status_code == 404
    assert "Nothing here" in missing.content.decode()
    assert "Back to the overview" in stranger.content.decode()
