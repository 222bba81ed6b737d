"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.accounts import audit
from dashboard.accounts.forms import SignInForm
from dashboard.accounts.links import redeem_link, usable_link

__all__ = ["SignIn", "sign_in_link", "sign_out"]

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    """By name and password; too many wrong ones lock the name for that address (django-axes)."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:
        answer = super().form_valid(form)
        _record(self.request, "sign-in")
        return answer


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Only a POST uses the link up, so that what merely fetches it (a preview, a scanner) does not.

    The page posts by itself once a person sees it.
    """
    if request.method != "POST":
        link = usable_link(token)
        status = 200 if link else 410
        return render(request, "accounts/sign_in_link.html", {"link": link}, status=status)
    user = redeem_link(token)
    if user is None:
        return render(request, "accounts/sign_in_link.html", {"link": None}, status=410)
    login(request, user, backend=BACKEND)
    _record(request, "sign-in.link")
    return HttpResponseRedirect("/")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session; its sockets are closed by the hub's next sweep."""
    _record(request, "sign-out")
    logout(request)
    return redirect("accounts:sign-in")


def _record(request: HttpRequest, action: str) -> None:
    address = request.META.get("REMOTE_ADDR", "")
    name = request.user.get_username()
    audit.record(actor=request.user, action=action, subject=name, detail={"address": address})
