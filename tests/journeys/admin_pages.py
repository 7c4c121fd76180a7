"""Where the admin's pages are, by what is registered: those of a new model are among them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, resolve, reverse

from billing.accounts.forms import OPERATIONS
from billing.accounts.models import Account
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import User
from eventstore.models import Stream

OF_A_MODEL = ("changelist", "add", "change", "history", "delete")
NO_PAGES = {
    "login": "walked before somebody signs in",
    "logout": "goes elsewhere",
    "view_on_site": "goes elsewhere",
    "autocomplete": "JSON",
    "jsi18n": "a script",
    "billing_charge_preview": "a part of a charge's page",
    "billing_planmigration_csv": "a file",
    "billing_planmigration_do": "what a migration's buttons ask first is walked by them",
}


def pages(user: User) -> list[str]:
    """Return the addresses of all pages that somebody gets: there has to be one of everything."""
    request = _request(user)
    found = [address for its in admin.site._registry.values() for address in _of(its, request)]
    apps = {model._meta.app_label for model in admin.site._registry}
    found += [reverse("admin:app_list", args=[app]) for app in sorted(apps)]
    for name, arguments in _of_their_own(user).items():
        found += [reverse(f"admin:{name}", args=given) for given in arguments]
    return found


def actions(user: User) -> list[tuple[str, Model, str]]:
    """Return each list's address, a thing in it, and one of the actions that may be done to it.

    Before some of all models are deleted the same page asks: of groups it is among them.
    """
    request = _request(user)
    return [
        (
            reverse(f"admin:{its.opts.app_label}_{its.opts.model_name}_changelist"),
            its.model._default_manager.all()[0],
            action,
        )
        for its in admin.site._registry.values()
        for action in its.get_actions(request)
        if action != "delete_selected" or its.model is Group
    ]


def left_out(found: Sequence[str]) -> set[str]:
    """Return the names of addresses that none of these has, and that are no pages of models."""
    walked = {resolve(address).url_name for address in found}
    return {
        name
        for name in _names(admin.site.get_urls())
        if name not in walked and name not in NO_PAGES and not name.endswith(OF_A_MODEL)
    }


def _request(user: User) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def _of(its: ModelAdmin[Any], request: HttpRequest) -> Iterator[str]:
    """Of a model's things, what may be changed and what may only be looked at are pages apart."""
    before = f"{its.opts.app_label}_{its.opts.model_name}_"
    yield reverse(f"admin:{before}changelist")
    if f"{before}change" not in _names(its.get_urls()):
        return
    if its.has_add_permission(request):
        yield reverse(f"admin:{before}add")
    things = list(its.model._default_manager.all())
    assert things, f"Make a thing of {its.model} in one_of_each.py, for there is none to look at."
    for one in {its.has_change_permission(request, one): one for one in things}.values():
        yield reverse(f"admin:{before}change", args=[one.pk])
    if goes := [one for one in things if its.has_delete_permission(request, one)]:
        yield reverse(f"admin:{before}delete", args=[goes[-1].pk])


def _of_their_own(user: User) -> Mapping[str, Sequence[Sequence[object]]]:
    """Return the addresses that are of no model's usual pages, and what is to be in them."""
    account, stream = Account.objects.latest("created_at"), Stream.objects.all()[0]
    return {
        "index": [()],
        "password_change": [()],
        "password_change_done": [()],
        "auth_user_password_change": [[user.pk]],
        "billing_account_history": [[account.pk]],  # which is the same page for all models
        "billing_account_agree": [[account.pk, name] for name in OPERATIONS],
        "billing_planversion_compare": [[PlanVersion.objects.latest("pk").pk]],
        "eventstore_streams": [()],
        "eventstore_stream": [[stream.tenant_id, stream.stream_id]],
        "eventstore_shreddings": [()],
    }


def _names(patterns: Sequence[URLPattern | URLResolver]) -> set[str]:
    """Those without a name only go elsewhere: to a page by its old address, or to sign in."""
    found: set[str] = set()
    for one in patterns:
        if isinstance(one, URLResolver):
            found |= _names(one.url_patterns)
        elif one.name:
            found.add(one.name)
    return found
