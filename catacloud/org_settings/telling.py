"""Events as sentences for the log: who did what. Pure."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from billing.budgets import events as budgets
from billing.exact import plain
from billing.metering.events import UsageVoided
from catacloud.org_settings import account_words, events
from eventstore.events import Event, RecordedEvent, name_of
from uploads.events import FileCompleted, FileDeleted, FileExpired

ERASED = "an address that was erased"


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
    kind, _, name = actor.replace("key ", "key:", 1).partition(":")
    if kind == "user":
        return names.people.get(int(name), "Somebody who is gone") if name.isdigit() else name
    if kind in ("key", "api-key"):
        return f"Key {names.keys[name]} (cck_{name}…)" if name in names.keys else "The platform"
    return actor


def what(recorded: RecordedEvent, names: Names) -> str:
    """Return what happened; of events that nobody put into words, what their type says."""
    event = recorded.event
    if isinstance(event, FileCompleted | FileDeleted | FileExpired):
        return f"{FILES[type(event)]} {names.files.get(recorded.stream_id, 'without a name')}"
    if words := account_words.tell(event, names.plans):
        return words
    if type(event) in SENTENCES:
        return SENTENCES[type(event)](event)
    return name_of(type(event)).replace(".", ": ").replace("_", " ").capitalize()


def _member_added(event: events.MemberAdded) -> str:
    email = event.email or ERASED
    return f"{email} joined as {event.role}" if event.invited else f"Added {email} as {event.role}"


def _member_removed(event: events.MemberRemoved) -> str:
    email = event.email or ERASED
    return f"{email} left" if event.left else f"Removed {email}"


def _voided(event: UsageVoided) -> str:
    verb = "Replaced" if event.is_replaced is True else "Voided"
    return f"{verb} the event {event.id} of {event.source}: {event.reason}"


def _budget_set(event: budgets.BudgetSet) -> str:
    stops = ", which stops new uploads and usage" if event.stops else ""
    return f"Set the budget to {plain(event.amount)} {event.currency} a billing period{stops}"


def _budget_reached(event: budgets.BudgetReached) -> str:
    of = f"{plain(event.amount)} {event.currency}"
    if event.threshold == "forecast":
        return f"The forecast of the bill is over the budget of {of}"
    return f"The bill has reached {event.threshold} % of the budget of {of}"


FILES: Mapping[type[Event], str] = {
    FileCompleted: "Uploaded",
    FileDeleted: "Deleted",
    FileExpired: "Gave up the upload of",
}
SENTENCES: Mapping[type[Event], Callable[[Any], str]] = {
    UsageVoided: _voided,
    budgets.BudgetSet: _budget_set,
    budgets.BudgetRemoved: lambda one: "Removed the budget",
    budgets.BudgetReached: _budget_reached,
    budgets.UsageStopped: lambda one: (
        f"The budget is used up: nothing new is taken until {one.until:%Y-%m-%d %H:%M} UTC"
    ),
    events.MemberInvited: lambda one: f"Invited {one.email or ERASED} as {one.role}",
    events.InvitationWithdrawn: lambda one: f"Withdrew the invitation of {one.email or ERASED}",
    events.MemberAdded: _member_added,
    events.RoleChanged: lambda one: f"Made {one.email or ERASED} {one.role}, was {one.was}",
    events.MemberRemoved: _member_removed,
    events.KeyMade: lambda one: f"Made the API key {one.name} (cck_{one.prefix}…)",
    events.KeyRevoked: lambda one: f"Revoked the API key {one.name} (cck_{one.prefix}…)",
    events.TimeZoneChanged: lambda one: f"Changed the time zone from {one.was} to {one.time_zone}",
    events.BillingDetailsChanged: lambda one: (
        f"Changed the billing details: {', '.join(one.fields).replace('_', ' ')}"
    ),
}
