"""What operators agree on with a customer, a form for each: they are the pages of OPERATIONS."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy, pgettext

from billing.accounts import commands, discounts
from billing.accounts.commands import Agreement
from billing.accounts.models import Credit, Discount
from billing.accounts.operations import Operation, day, number
from billing.accounts.price_forms import EndPrice, OverridePrice
from billing.invoicing.charging.standings import standings_of
from billing.invoicing.charging.subscriptions import change_plan, subscribe
from billing.metering.models import Service
from billing.pricing.models import PlanVersion
from catacloud.accounts.models import Organisation


class Subscribe(Operation):
    title = gettext_lazy("Subscribe to a plan")
    plan_version = forms.ModelChoiceField(
        PlanVersion.objects.filter(status="published"), label=gettext_lazy("Plan version")
    )
    starts_on = day(gettext_lazy("First day"))

    def act(self, agreed: Agreement) -> None:
        subscribe(
            organisation=agreed.organisation,
            plan_version=self.cleaned_data["plan_version"],
            starts_on=self.cleaned_data["starts_on"],
            now=agreed.now,
        )


class ChangePlan(Operation):
    title = gettext_lazy("Change the plan")
    plan_version = forms.ModelChoiceField(
        PlanVersion.objects.filter(status="published"), label=gettext_lazy("Plan version")
    )
    starts_on = day(
        gettext_lazy("First day on it"),
        gettext_lazy("For the end of the period, the first day of the next one."),
    )
    is_prorated = forms.BooleanField(
        label=gettext_lazy("Divide the period there"),
        required=False,
        help_text=gettext_lazy(
            "For a change now: each part is rated on its own plan, and fees and flat amounts "
            "are shared by days. Else all of the period with that day is on the new plan. Usage in "
            "a volume account is rated on its parent's plan: only a change of that divides it."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fill in the first day of the next billing period."""
        super().__init__(*args, **kwargs)
        standing = standings_of([self.organisation.pk])[self.organisation.pk]
        if self.today and (stay := standing.on(self.today)):
            self.fields["starts_on"].initial = stay.cycle.period_of(self.today).end

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        change_plan(
            agreed,
            plan_version=data["plan_version"],
            starts_on=data["starts_on"],
            is_prorated=data["is_prorated"],
        )


class GrantDiscount(Operation):
    title = gettext_lazy("Grant a discount")
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=100,
        help_text=gettext_lazy("As the invoice names it."),
    )
    rate = number(gettext_lazy("Rate"), gettext_lazy("A share: 0.25 takes a quarter off."))
    amount = number(gettext_lazy("Amount"), gettext_lazy("Or else so much off each invoice."))
    currency = forms.CharField(
        label=gettext_lazy("Currency"),
        max_length=3,
        required=False,
        help_text=gettext_lazy("Of the amount."),
    )
    service = forms.ModelChoiceField(
        Service.objects.all(),
        label=gettext_lazy("Service"),
        required=False,
        help_text=gettext_lazy("Empty: off all lines."),
    )
    periods = forms.IntegerField(
        label=gettext_lazy("Periods"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("How many invoices; 1 is once. Empty: every one."),
    )
    starts_on = day(
        gettext_lazy("First day"),
        gettext_lazy("It lowers the invoice of the period with this day first."),
    )

    def act(self, agreed: Agreement) -> None:
        off = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        discounts.grant(agreed, **off)


class EndDiscount(Operation):
    title = gettext_lazy("End a discount")
    discount = forms.ModelChoiceField(Discount.objects.none(), label=gettext_lazy("Discount"))
    ends_on = day(gettext_lazy("Periods from this day on have it no more"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Discount.objects.filter(organisation=self.organisation, ends_on=None)
        self.fields["discount"].queryset = own  # type: ignore[attr-defined]

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        discounts.end(agreed, discount=data["discount"], ends_on=data["ends_on"])


class RedeemCoupon(Operation):
    title = gettext_lazy("Redeem a coupon")
    code = forms.CharField(label=gettext_lazy("Code"), max_length=40)
    starts_on = day(gettext_lazy("First day"))

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        discounts.redeem(agreed, code=data["code"], starts_on=data["starts_on"])


class AddCredit(Operation):
    title = gettext_lazy("Add credit")
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Credit.Kind.choices)
    amount = forms.DecimalField(label=gettext_lazy("Amount"), min_value=Decimal("0.0001"))
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, initial="EUR")

    def said(self, name: str, value: Any) -> Any:
        return pgettext("credit", value) if name == "kind" else super().said(name, value)

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.add_credit(
            agreed, kind=data["kind"], amount=data["amount"], currency=data["currency"]
        )


class JoinPool(Operation):
    title = gettext_lazy("Join a volume account")
    parent = forms.ModelChoiceField(
        Organisation.objects.all(),
        label=gettext_lazy("Parent"),
        help_text=gettext_lazy("Its prices rate the usage of all together."),
    )
    starts_on = day(gettext_lazy("First day"))

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.join_pool(agreed, parent=data["parent"], starts_on=data["starts_on"])


class LeavePool(Operation):
    title = gettext_lazy("Leave the volume account")
    ends_on = day(gettext_lazy("First day without it"))

    def act(self, agreed: Agreement) -> None:
        commands.leave_pool(agreed, ends_on=self.cleaned_data["ends_on"])


class Pause(Operation):
    title = gettext_lazy("Pause the account")
    starts_on = day(
        gettext_lazy("First day"),
        gettext_lazy("Neither base fee nor commitment is due; usage still is."),
    )

    def act(self, agreed: Agreement) -> None:
        commands.pause(agreed, starts_on=self.cleaned_data["starts_on"])


class Resume(Operation):
    title = gettext_lazy("Resume the account")
    ends_on = day(gettext_lazy("First day on which it runs again"))

    def act(self, agreed: Agreement) -> None:
        commands.resume(agreed, ends_on=self.cleaned_data["ends_on"])


class Close(Operation):
    title = gettext_lazy("Close the account")
    closes_on = day(gettext_lazy("Closed from"), gettext_lazy("It cannot be opened again."))

    def act(self, agreed: Agreement) -> None:
        commands.close(agreed, closes_on=self.cleaned_data["closes_on"])


OPERATIONS: Mapping[str, type[Operation]] = {
    "subscribe": Subscribe,
    "change-plan": ChangePlan,
    "price": OverridePrice,
    "end-price": EndPrice,
    "discount": GrantDiscount,
    "end-discount": EndDiscount,
    "coupon": RedeemCoupon,
    "credit": AddCredit,
    "join-pool": JoinPool,
    "leave-pool": LeavePool,
    "pause": Pause,
    "resume": Resume,
    "close": Close,
}
