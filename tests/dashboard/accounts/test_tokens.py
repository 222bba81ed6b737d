"""API tokens."""

from __future__ import annotations

import pytest

from dashboard.accounts.models import ApiToken, Role
from dashboard.accounts.rights import allows
from dashboard.accounts.tokens import issue_token, revoke_token, user_for_token

pytestmark = pytest.mark.django_db


def test_a_token_is_its_holder() -> None:
    raw = issue_token("ci", Role.OPERATOR)

    holder = user_for_token(raw)

    assert holder is not None
    assert (holder.name, holder.get_username(), holder.role) == ("ci", "token:ci", "operator")
    assert allows(holder, Role.OPERATOR)
    assert not allows(holder, Role.ADMIN)


def test_only_the_hash_is_kept() -> None:
    raw = issue_token("ci", Role.VIEWER)

    (row,) = ApiToken.objects.values()

    assert raw not in str(row)
    assert row["prefix"] == raw[:10]


@pytest.mark.parametrize("raw", ["", "es_", "es_wrong", "wrong", "es_\udcff", "x" * 5000])
def test_what_is_no_token_is_nobody(raw: str) -> None:
    issue_token("ci", Role.ADMIN)

    assert user_for_token(raw) is None


def test_a_revoked_token_is_nobody() -> None:
    raw = issue_token("ci", Role.VIEWER)
    token = ApiToken.objects.get()

    assert revoke_token(token.pk) is True
    assert revoke_token(token.pk) is False
    assert user_for_token(raw) is None


def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries: object) -> None:
    raw = issue_token("ci", Role.VIEWER)
    user_for_token(raw)
    first = ApiToken.objects.get().used_ms
    with django_assert_num_queries(1):  # type: ignore[operator]
        user_for_token(raw)

    assert first is not None
    assert ApiToken.objects.get().used_ms == first


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="owner"):
        issue_token("ci", "owner")
