"""Plan migrations in the admin: named, simulated, confirmed, watched and undone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext

from billing.invoicing.charging.subscriptions import CannotSubscribe
from billing.metering.services.admin import ReadOnly
from billing.migrating import moving, naming, simulating
from billing.migrating.models import Move, PlanMigration
from billing.migrating.showing import (
    Compared,
    as_csv,
    differences_figure,
    totals,
    when_in_words,
)
from billing.migrating.tasks import ring_simulation, run_migration
from catacloud.accounts.models import User
from catacloud.accounts.organisations import LONGEST, found, searched

FIELDS = ["from_version", "name_contains", "slugs", "to_version", "starts_on", "keep_until"]
PER_PAGE = 50  # rows of a table; the CSV has all


class NameForm(forms.ModelForm[PlanMigration]):
    class Meta:
        model = PlanMigration
        fields = [*FIELDS, "keeps_own_prices", "simulated_periods", "reason"]
        widgets: ClassVar = {
            "slugs": forms.Textarea(attrs={"rows": 3}),
            "starts_on": forms.DateInput(attrs={"type": "date"}),
            "keep_until": forms.DateInput(attrs={"type": "date"}),
            "reason": forms.Textarea(attrs={"rows": 2}),
        }


@admin.register(PlanMigration)
class PlanMigrationAdmin(ReadOnly, admin.ModelAdmin[PlanMigration]):
    list_display = ["__str__", "from_version", "status", "named_at", "simulated_at", "confirmed_at"]
    list_select_related = ["to_version__plan", "from_version__plan"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("billing.add_planmigration")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<uuid:pk>/do/<slug:step>/", view(self.do), name="billing_planmigration_do"),
            path("<uuid:pk>/moves.csv", view(self.csv), name="billing_planmigration_csv"),
        ]
        return [*own, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NameForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                made = naming.name(form.save(commit=False), now=timezone.now())
            except (naming.CannotName, CannotSubscribe) as error:
                form.add_error(None, str(error))
            else:
                return redirect(_page(made))
        title = gettext("Name who moves, to what and when")
        return self._render(request, "name", title, form=form)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        migration = self.get_object(request, object_id)
        if migration is None:
            return super().change_view(request, object_id)  # says that there is none
        if not self.has_view_permission(request, migration):
            raise PermissionDenied
        is_busy = migration.simulating_since or migration.status == PlanMigration.Status.RUNNING
        if request.headers.get("HX-Request") and not is_busy:
            return HttpResponse(headers={"HX-Refresh": "true"})  # there is more to see now
        rows, currency = _compared(migration.moves.all()), migration.to_version.currency
        done = migration.moves.exclude(status=Move.Status.WAITING).count()
        simulated = migration.moves.exclude(simulated_at=None).count()
        return self._render(
            request,
            "migration",
            gettext("Migration to {version}").format(version=migration.to_version),
            migration=migration,
            when=_when(migration),
            is_busy=is_busy,
            count=len(rows),
            done=done,
            simulated=simulated,
            totals=totals(rows),
            currency=currency,
            figure=differences_figure(rows, currency=currency),
            may_act=self.has_add_permission(request),
            longest=LONGEST,
            **_listed(migration, rows, request.GET),
        )

    def do(self, request: HttpRequest, pk: Any, step: str) -> HttpResponse:
        """Simulate, confirm or undo; the last two are asked about first."""
        migration = get_object_or_404(PlanMigration, pk=pk)
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        steps: dict[str, Callable[[], str]] = {
            "simulate": lambda: _simulate(migration),
            "confirm": lambda: _confirm(migration, request.user),
            "undo": lambda: _undo(migration),
        }
        if step not in steps:
            raise Http404
        if step != "simulate" and "confirmed" not in request.POST:
            return self._render(
                request,
                "confirm",
                _asked(step),
                migration=migration,
                when=_when(migration),
                step=step,
                names=_names(migration),
                totals=totals(_compared(migration.moves.all())),
                currency=migration.to_version.currency,
            )
        try:
            said = steps[step]()
        except moving.CannotConfirm as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.log_change(request, migration, _chosen(step))
            self.message_user(request, said, messages.SUCCESS)
        return redirect(_page(migration))

    def csv(self, request: HttpRequest, pk: Any) -> HttpResponse:
        migration = get_object_or_404(PlanMigration, pk=pk)
        if not self.has_view_permission(request, migration):
            raise PermissionDenied
        text = as_csv(_compared(migration.moves.all()), currency=migration.to_version.currency)
        disposition = {"Content-Disposition": 'attachment; filename="migration.csv"'}
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=disposition)

    def _render(
        self, request: HttpRequest, template: str, title: str, **more: Any
    ) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        name = f"admin/billing/planmigration/{template}.html"
        return TemplateResponse(request, name, context | more)


def _listed(
    migration: PlanMigration, rows: Sequence[Compared], asked: Mapping[str, str]
) -> dict[str, object]:
    """Return the pages of both tables, of all organisations or of those that are looked for."""
    text, moves = searched(asked), migration.moves.select_related("organisation")
    if text:
        moves = moves.filter(organisation__in=found(text))
        rows = _compared(moves)
    return {
        "q": text,
        "kept": f"{urlencode({'q': text})}&" if text else "",
        "rows": _page_of(rows, asked.get("page")),
        "moves": Paginator(moves, PER_PAGE).get_page(asked.get("moves")),
    }


def _page_of(rows: Sequence[Compared], number: str | None) -> Page[Compared]:
    """Return a page of a simulation's rows: who would have paid more comes first."""
    return Paginator(sorted(rows, key=lambda row: -row.difference), PER_PAGE).get_page(number)


def _asked(step: str) -> str:
    if step == "undo":
        return gettext("Undo: are you sure?")
    return gettext("Confirm: are you sure?")


def _chosen(step: str) -> str:
    said = {
        "simulate": gettext("Chose to simulate it."),
        "confirm": gettext("Chose to confirm it."),
        "undo": gettext("Chose to undo it."),
    }
    return said[step]


def _simulate(migration: PlanMigration) -> str:
    simulating.begin(migration, now=timezone.now())
    ring_simulation(migration)
    return gettext("The simulation is on its way: this page says how far it is.")


def _confirm(migration: PlanMigration, user: Any) -> str:
    moving.confirm(migration, by=user if isinstance(user, User) else None, now=timezone.now())
    run_migration.delay(migration_id=str(migration.pk))
    return gettext("The migration runs: this page says how far it is.")


def _undo(migration: PlanMigration) -> str:
    count = moving.undo(migration, now=timezone.now())
    said = gettext("{count} are back on what they were on; whose new period is invoiced, stays.")
    return said.format(count=count)


def _compared(moves: QuerySet[Move]) -> list[Compared]:
    return [
        Compared(one.organisation.slug, one.organisation.name, one.periods, one.then, one.new)
        for one in moves.select_related("organisation")
    ]


def _when(migration: PlanMigration) -> str:
    return when_in_words(
        starts_on=migration.starts_on,
        keep_until=migration.keep_until,
        keeps_own_prices=migration.keeps_own_prices,
    )


def _names(migration: PlanMigration) -> list[str]:
    moves = migration.moves.exclude(status=Move.Status.UNDONE).select_related("organisation")
    return [one.organisation.name for one in moves]


def _page(migration: PlanMigration) -> str:
    return reverse("admin:billing_planmigration_change", args=[migration.pk])
