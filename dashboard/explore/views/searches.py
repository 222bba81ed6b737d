"""Saved searches: the list of them, and what people do with one."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import User
from dashboard.explore import searches
from dashboard.explore.filters import FilterError
from dashboard.explore.forms import SearchForm, first_error
from dashboard.explore.presentation import split_parameters
from dashboard.explore.views.shared import refused

__all__ = [
    "change_search",
    "delete_search",
    "keep_columns",
    "open_search",
    "pin_search",
    "save_search",
    "searches_page",
]


@require_GET
@never_cache
def searches_page(request: HttpRequest) -> HttpResponse:
    """One's own searches and the shared ones."""
    me = _me(request)
    found = searches.searches_for(me)
    rows = [{"search": one, "mine": searches.may_change(one, me)} for one in found]
    return render(request, "explore/searches.html", {"rows": rows})


@require_GET
def open_search(request: HttpRequest, search_id: int) -> HttpResponse:
    """The list that a search keeps; the address to hand on."""
    try:
        search = searches.find_search(search_id, by=_me(request))
    except searches.SearchNotFound as error:
        raise Http404(str(error)) from error
    return redirect(f"{reverse('explore:events')}?{search.state}")


@require_POST
def save_search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.POST)
    if not form.is_valid():
        return _told(request, first_error(form))
    given = form.cleaned_data
    try:
        saved = searches.save_search(
            by=_me(request),
            name=given["name"],
            description=given["description"],
            shared=given["shared"],
            state=given["state"],
        )
    except FilterError as error:
        return refused(request, error)
    except searches.SearchError as error:
        return _told(request, str(error))
    messages.success(request, f"“{saved.name}” is saved{' and shared' if saved.shared else ''}.")
    return redirect("explore:search-open", search_id=saved.pk)


@require_POST
def change_search(request: HttpRequest, search_id: int) -> HttpResponse:
    form = SearchForm(request.POST)
    if not form.is_valid():
        return _told(request, first_error(form))
    given = form.cleaned_data
    try:
        changed = searches.change_search(
            search_id,
            by=_me(request),
            name=given["name"],
            description=given["description"],
            shared=given["shared"],
            state=given["state"] if "state" in request.POST else None,
        )
    except FilterError as error:
        return refused(request, error)
    except searches.SearchError as error:
        return _told(request, str(error))
    messages.success(request, f"“{changed.name}” is changed.")
    return redirect("explore:searches")


@require_POST
def delete_search(request: HttpRequest, search_id: int) -> HttpResponse:
    try:
        name = searches.delete_search(search_id, by=_me(request))
    except searches.SearchError as error:
        return _told(request, str(error))
    messages.success(request, f"“{name}” is deleted.")
    return redirect("explore:searches")


@require_POST
def pin_search(request: HttpRequest, search_id: int) -> HttpResponse:
    try:
        searches.pin_search(search_id, by=_me(request), pinned=request.POST.get("pinned") == "on")
    except searches.SearchError as error:
        return _told(request, str(error))
    return redirect("explore:searches")


@require_POST
def keep_columns(request: HttpRequest) -> HttpResponse:
    """The list's columns and density, as posted, become one's own default."""
    me = _me(request)
    try:
        _, shows = split_parameters(dict(request.POST.lists()))
        shown = searches.shown_for(me, shows)
        state = searches.check_state(request.POST.get("state", ""))
    except FilterError as error:
        return refused(request, error)
    searches.keep_default(by=me, shown=shown)
    messages.success(request, "Your events list looks like this from now on.")
    return redirect(f"{reverse('explore:events')}?{state}")


def _told(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect("explore:searches")


def _me(request: HttpRequest) -> User:
    """Who asks: LoginRequiredMiddleware has let nobody else in."""
    assert isinstance(request.user, User)
    return request.user
