"""Events as sentences for the log, in the language that is active: who did what. Pure."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from django.utils.dateformat import format as format_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from billing.budgets import events as budgets
from billing.metering.events import UsageVoided
from billing.templatetags.figures import money
from catacloud.org_settings import account_words, events
from catacloud.org_settings.labels import LABELS
from eventstore.events import Event, RecordedEvent, name_of
from uploads.events import FileCompleted, FileDeleted, FileExpired

ROLES: Mapping[str, Promise] = {
    "owner": pgettext_lazy("role in a sentence", "owner"),
    "billing": pgettext_lazy("role in a sentence", "billing"),
    "member": pgettext_lazy("role in a sentence", "member"),
}


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """How those are called that events know by a number: people, keys, files, plan versions."""

    people: Mapping[int, str] = {}
    keys: Mapping[str, str] = {}
    files: Mapping[UUID, str] = {}
    plans: Mapping[int, str] = {}


def who(actor: str | None, names: Names) -> str:
    """Return who caused an event: a person, a program with its key, or the platform by itself."""
    if actor is None:
        return "Catacloud"
    kind, _colon, name = actor.replace("key ", "key:", 1).partition(":")
    if kind == "user":
        return names.people.get(int(name), _("Somebody who is gone")) if name.isdigit() else name
    if kind in ("key", "api-key"):
        return _key(name, names)
    return actor


def _key(prefix: str, names: Names) -> str:
    if prefix not in names.keys:
        return _("The platform")
    return _("Key %(name)s (cck_%(prefix)s…)") % {"name": names.keys[prefix], "prefix": prefix}


def what(recorded: RecordedEvent, names: Names) -> str:
    """Return what happened; of events that nobody put into words, what their type says."""
    event = recorded.event
    if isinstance(event, FileCompleted | FileDeleted | FileExpired):
        name = names.files.get(recorded.stream_id, _("without a name"))
        return str(FILES[type(event)]) % {"name": name}
    if words := account_words.tell(event, names.plans):
        return words
    if type(event) in SENTENCES:
        said, values = SENTENCES[type(event)](event)
        return said % values
    return name_of(type(event)).replace(".", ": ").replace("_", " ").capitalize()


Said = tuple[str, dict[str, object]]  # a sentence, and what stands in its places


def _member(said: str, event: events.AboutPerson, **roles: str) -> Said:
    named = {place: ROLES.get(role, role) for place, role in roles.items()}
    return said, {"email": event.email or _("an address that was erased"), **named}


def _member_added(event: events.MemberAdded) -> Said:
    said = _("%(email)s joined as %(role)s") if event.invited else _("Added %(email)s as %(role)s")
    return _member(said, event, role=event.role)


def _member_removed(event: events.MemberRemoved) -> Said:
    return _member(_("%(email)s left") if event.left else _("Removed %(email)s"), event)


def _voided(event: UsageVoided) -> Said:
    said = (
        _("Replaced the event %(id)s of %(source)s: %(reason)s")
        if event.is_replaced is True
        else _("Voided the event %(id)s of %(source)s: %(reason)s")
    )
    return said, {"id": event.id, "source": event.source, "reason": event.reason}


def _budget(event: budgets.BudgetSet | budgets.BudgetReached) -> dict[str, object]:
    return {"amount": money(event.amount, event.currency)}


def _budget_set(event: budgets.BudgetSet) -> Said:
    said = (
        _("Set the budget to %(amount)s a billing period, which stops new uploads and usage")
        if event.stops
        else _("Set the budget to %(amount)s a billing period")
    )
    return said, _budget(event)


def _budget_reached(event: budgets.BudgetReached) -> Said:
    if event.threshold == "forecast":
        said = _("The forecast of the bill is over the budget of %(amount)s")
        return said, _budget(event)
    said = _("The bill has reached %(share)s %% of the budget of %(amount)s")
    return said, {**_budget(event), "share": event.threshold}


def _stopped(event: budgets.UsageStopped) -> Said:
    said = _("The budget is used up: nothing new is taken until %(until)s UTC")
    return said, {"until": format_date(event.until, _("j M Y, H:i"))}


def _key_of(said: str, event: events.KeyMade | events.KeyRevoked) -> Said:
    return said, {"name": event.name, "prefix": event.prefix}


def _details_changed(event: events.BillingDetailsChanged) -> Said:
    fields = ", ".join(str(LABELS.get(name, name)) for name in event.fields)
    return _("Changed the billing details: %(fields)s"), {"fields": fields}


FILES: Mapping[type[Event], Promise] = {
    FileCompleted: gettext_lazy("Uploaded %(name)s"),
    FileDeleted: gettext_lazy("Deleted %(name)s"),
    FileExpired: gettext_lazy("Gave up the upload of %(name)s"),
}
SENTENCES: Mapping[type[Event], Callable[[Any], Said]] = {
    UsageVoided: _voided,
    budgets.BudgetSet: _budget_set,
    budgets.BudgetRemoved: lambda one: (_("Removed the budget"), {}),
    budgets.BudgetReached: _budget_reached,
    budgets.UsageStopped: _stopped,
    events.MemberInvited: lambda one: _member(
        _("Invited %(email)s as %(role)s"), one, role=one.role
    ),
    events.InvitationWithdrawn: lambda one: _member(_("Withdrew the invitation of %(email)s"), one),
    events.MemberAdded: _member_added,
    events.RoleChanged: lambda one: _member(
        _("Made %(email)s %(role)s, was %(was)s"), one, role=one.role, was=one.was
    ),
    events.MemberRemoved: _member_removed,
    events.KeyMade: lambda one: _key_of(_("Made the API key %(name)s (cck_%(prefix)s…)"), one),
    events.KeyRevoked: lambda one: _key_of(
        _("Revoked the API key %(name)s (cck_%(prefix)s…)"), one
    ),
    events.TimeZoneChanged: lambda one: (
        _("Changed the time zone from %(was)s to %(zone)s"),
        {"was": one.was, "zone": one.time_zone},
    ),
    events.BillingDetailsChanged: _details_changed,
}
