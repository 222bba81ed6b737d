"""Saved searches: anybody keeps their own, shared or private; only the owner or an admin changes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from dashboard.accounts.audit import record
from dashboard.accounts.models import Role, User
from dashboard.accounts.rights import allows
from dashboard.explore.filters import FilterError, parse_event_query
from dashboard.explore.models import ListDefault, SavedSearch
from dashboard.explore.presentation import Presentation, parse_presentation, split_parameters
from eventscope.errors import EventscopeError
from eventscope.stamps import now_ms

__all__ = [
    "MOST_SEARCHES",
    "SearchError",
    "SearchNotFound",
    "change_search",
    "check_state",
    "delete_search",
    "find_search",
    "keep_default",
    "may_change",
    "pin_search",
    "save_search",
    "searches_for",
    "shown_for",
]

MOST_SEARCHES = 200
LONGEST_STATE = 4000
PASSING = ("cursor", "tail")


class SearchError(EventscopeError):
    """This search cannot be kept so."""


class SearchNotFound(SearchError):
    """There is no such search, or it is somebody's own."""


def save_search(
    *, by: User, name: str, state: str, description: str = "", shared: bool = False
) -> SavedSearch:
    """Keep ``state``, a query string of the list, under ``name``. Raises `SearchError`, `FilterError`."""
    state = check_state(state)
    if SavedSearch.objects.filter(owner=by).count() >= MOST_SEARCHES:
        raise SearchError(f"You have {MOST_SEARCHES} searches; delete one first.")
    now = now_ms()
    search = SavedSearch(
        owner=by,
        name=name,
        description=description,
        state=state,
        shared=shared,
        created_ms=now,
        changed_ms=now,
    )
    _write(search, by=by, action="search.saved")
    return search


def change_search(
    search_id: int, *, by: User, name: str, description: str, shared: bool, state: str | None = None
) -> SavedSearch:
    """Rename, describe, share or, with ``state``, replace. Raises `SearchError`, `FilterError`."""
    search = _to_change(search_id, by)
    search.name, search.description, search.shared = name, description, shared
    if state is not None:
        search.state = check_state(state)
    search.changed_ms = now_ms()
    _write(search, by=by, action="search.changed")
    return search


def delete_search(search_id: int, *, by: User) -> str:
    """Its name. Raises `SearchError`."""
    with transaction.atomic(using="default"):
        search = _to_change(search_id, by)
        _note(search, by=by, action="search.deleted")
        search.delete()
    return search.name


def pin_search(search_id: int, *, by: User, pinned: bool) -> None:
    """Put it beside the list for ``by`` alone, or take it away. Raises `SearchNotFound`."""
    search = find_search(search_id, by=by)
    (search.pinned_by.add if pinned else search.pinned_by.remove)(by)


def keep_default(*, by: User, shown: Presentation) -> None:
    """Make ``shown`` the list's look for ``by`` where the URL says nothing."""
    density = "compact" if shown.compact else "normal"
    columns = "" if shown.usual else shown.names
    with transaction.atomic(using="default"):
        ListDefault.objects.update_or_create(
            user=by, defaults={"columns": columns, "density": density}
        )
        detail = {"columns": shown.names, "density": density}
        record(actor=by, action="events_list.default", subject=by.username, detail=detail)


def shown_for(user: User, shows: Mapping[str, Sequence[str]]) -> Presentation:
    """How ``shows`` wants the list, on the person's default. Raises `FilterError`."""
    kept = ListDefault.objects.filter(user=user).first() or ListDefault()
    return parse_presentation(shows, columns=kept.columns, density=kept.density)


def searches_for(user: User) -> list[SavedSearch]:
    """Their own and the shared ones with ``pinned`` and ``owner``, pinned first, by name; one query."""
    pinned = SavedSearch.pinned_by.through.objects.filter(savedsearch=OuterRef("pk"), user=user)
    visible = SavedSearch.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")
    return list(visible.annotate(pinned=Exists(pinned)).order_by("-pinned", "name", "pk"))


def find_search(search_id: int, *, by: User) -> SavedSearch:
    """Raises `SearchNotFound`."""
    search = SavedSearch.objects.select_related("owner").filter(pk=search_id).first()
    if search is None or not (search.shared or may_change(search, by)):
        raise SearchNotFound("There is no such search, or it is not shared.")
    return search


def may_change(search: SavedSearch, user: Any) -> bool:
    return search.owner_id == user.pk or allows(user, Role.ADMIN)


def check_state(state: str) -> str:
    """The query string as it is kept: understood, without the page it was on.

    Raises `FilterError` naming the part that is not right.
    """
    if len(state) > LONGEST_STATE:
        raise FilterError("state", f"longer than {LONGEST_STATE} characters")
    parameters = parse_qs(state.lstrip("?"))
    kept = {name: values for name, values in parameters.items() if name not in PASSING}
    selects, shows = split_parameters(kept)
    indexed = settings.INGEST.index.paths
    parse_event_query(selects, now_ms=now_ms(), system=False, indexed=indexed)
    parse_presentation(shows)
    return urlencode(kept, doseq=True)


def _to_change(search_id: int, by: User) -> SavedSearch:
    search = find_search(search_id, by=by)
    if not may_change(search, by):
        raise SearchError(f"Only {search.owner.username} or an admin may change this search.")
    return search


def _write(search: SavedSearch, *, by: User, action: str) -> None:
    try:
        with transaction.atomic(using="default"):
            search.save()
            _note(search, by=by, action=action)
    except IntegrityError as error:
        raise SearchError(f"{search.owner.username} has a search of this name already.") from error


def _note(search: SavedSearch, *, by: User, action: str) -> None:
    detail = {"owner": search.owner.username, "shared": search.shared, "state": search.state}
    record(actor=by, action=action, subject=search.name, detail=detail)
