"""The settings page and the audit page."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts import audit, people, switches
from dashboard.accounts.forms import PasswordForm, TokenForm, UserChangeForm, UserForm
from dashboard.accounts.links import issue_sign_in_link
from dashboard.accounts.models import ApiToken, AuditEntry, Role, User
from dashboard.accounts.rights import allows, role_required
from dashboard.accounts.tokens import issue_token, revoke_token

__all__ = [
    "add_token",
    "add_user",
    "audit_page",
    "change_user",
    "end_token",
    "make_link",
    "password",
    "settings_page",
    "turn_switch",
]

AUDIT_PAGE = 50
VERIFIED_AT_ONCE = 2000


@require_GET
@never_cache
def settings_page(request: HttpRequest) -> HttpResponse:
    """One's own password and theme; for admins people and tokens too."""
    return _settings(request)


@never_cache
def password(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    user = request.user
    assert isinstance(user, User)
    form = PasswordForm(user, request.POST)
    if not form.is_valid():
        return _settings(request, password_form=form)
    people.change_password(user=user, password=form.cleaned_data["new"])
    update_session_auth_hash(request, user)
    messages.success(request, "Your password is changed; your other sessions are signed out.")
    return redirect("accounts:settings")


@require_POST
@role_required(Role.ADMIN)
def add_user(request: HttpRequest) -> HttpResponse:
    form = UserForm(request.POST)
    if not form.is_valid():
        return _settings(request, user_form=form)
    role = Role(form.cleaned_data["role"])
    user = people.add_user(by=_me(request), username=form.cleaned_data["username"], role=role)
    return _settings(request, link=_link_for(request, user))


@require_POST
@role_required(Role.ADMIN)
def change_user(request: HttpRequest, user_id: int) -> HttpResponse:
    user = get_object_or_404(User, pk=user_id)
    form = UserChangeForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That role does not exist.")
        return redirect("accounts:settings")
    role, active = Role(form.cleaned_data["role"]), form.cleaned_data["active"]
    try:
        if people.change_user(by=_me(request), user=user, role=role, active=active):
            messages.success(request, f"{user.username} is changed.")
    except people.LastAdminError as error:
        messages.error(request, str(error))
    return redirect("accounts:settings")


@require_POST
@role_required(Role.ADMIN)
def make_link(request: HttpRequest, user_id: int) -> HttpResponse:
    """A sign-in link for somebody, shown once to the admin who hands it on."""
    user = get_object_or_404(User, pk=user_id, is_active=True)
    return _settings(request, link=_link_for(request, user))


@require_POST
@role_required(Role.ADMIN)
def add_token(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _settings(request, token_form=form)
    name, role = form.cleaned_data["name"], form.cleaned_data["role"]
    raw = issue_token(name, role, created_by=request.user.get_username())
    audit.record(actor=request.user, action="token.add", subject=name, detail={"role": role})
    return _settings(request, token=raw)


@require_POST
@role_required(Role.ADMIN)
def end_token(request: HttpRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_id)
    if revoke_token(token_id):
        detail = {"prefix": token.prefix}
        audit.record(actor=request.user, action="token.revoke", subject=token.name, detail=detail)
        messages.success(request, f"The token {token.name} is revoked.")
    return redirect("accounts:settings")


@require_POST
@role_required(Role.ADMIN)
def turn_switch(request: HttpRequest, name: str) -> HttpResponse:
    if name not in switches.KNOWN:
        raise Http404("There is no such switch.")
    on = request.POST.get("on") == "1"
    if switches.set_switch(name, on=on, by=request.user):
        label, _ = switches.KNOWN[name]
        messages.success(request, f"{label} is {'allowed' if on else 'forbidden'} from now on.")
    return redirect("accounts:settings")


@require_GET
@role_required(Role.OPERATOR)
def audit_page(request: HttpRequest) -> HttpResponse:
    """The log, newest first; ``before`` is the keyset cursor, ``verify=all`` checks the whole chain."""
    before = request.GET.get("before", "")
    entries = AuditEntry.objects.order_by("-number")
    for field in ("actor", "action"):
        if wanted := request.GET.get(field, "").strip():
            entries = entries.filter(**{field: wanted})
    if before.isdecimal() and len(before) < 19:
        entries = entries.filter(number__lt=int(before))
    rows = list(entries[: AUDIT_PAGE + 1])
    everything = request.GET.get("verify") == "all"
    context = {
        "entries": [_shown(entry) for entry in rows[:AUDIT_PAGE]],
        "next": rows[AUDIT_PAGE - 1].number if len(rows) > AUDIT_PAGE else None,
        "paged": bool(before),
        "check": audit.verify_chain(newest=None if everything else VERIFIED_AT_ONCE),
        "everything": everything,
        "actor": request.GET.get("actor", ""),
        "action": request.GET.get("action", ""),
        "actions": AuditEntry.objects.order_by("action")
        .values_list("action", flat=True)
        .distinct(),
    }
    return render(request, "accounts/audit.html", context)


def _settings(request: HttpRequest, **shown: Any) -> HttpResponse:
    """The page with a form that was refused, or with a secret that is shown once."""
    me = _me(request)
    context: dict[str, Any] = {"password_form": PasswordForm(me), "roles": Role.choices, **shown}
    if allows(me, Role.ADMIN):
        context = {
            "user_form": UserForm(),
            "token_form": TokenForm(),
            "people": User.objects.order_by("username"),
            "switches": switches.list_switches(),
            "tokens": ApiToken.objects.filter(revoked_ms=None).order_by("-created_ms"),
            **context,
        }
    refused = any(getattr(form, "errors", None) for form in shown.values())
    return render(request, "accounts/settings.html", context, status=422 if refused else 200)


def _link_for(request: HttpRequest, user: User) -> dict[str, Any]:
    detail: dict[str, Any] = {"minutes": 15}
    audit.record(actor=request.user, action="link.add", subject=user.username, detail=detail)
    return {"user": user, "url": request.build_absolute_uri(issue_sign_in_link(user))}


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _shown(entry: AuditEntry) -> dict[str, Any]:
    detail = json.loads(entry.detail)
    return {
        "number": entry.number,
        "at_ms": entry.at_ms,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.dumps(detail, ensure_ascii=False) if detail else "",
        "digest": entry.digest,
    }
