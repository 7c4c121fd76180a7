"""What operators agree on with a customer, each as a form that says itself in words and acts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from billing.accounts import commands, discounts
from billing.accounts.commands import Agreement
from billing.accounts.models import Credit, Discount, PriceOverride
from billing.accounts.own_prices import terms_from, words_of
from billing.invoicing.subscriptions import change_plan, subscribe
from billing.metering.models import Service
from billing.pricing.models import Charge, PlanVersion
from billing.pricing.tiers import InvalidPrice
from catacloud.accounts.models import Organisation

Data = dict[str, Any]


def day(label: str, help_text: str = "", *, required: bool = True) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"})
    return forms.DateField(label=label, help_text=help_text, required=required, widget=widget)


class Operation(forms.Form):
    """A form of one agreement. ``act`` raises Refused or CannotSubscribe."""

    title: ClassVar[str]
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def in_words(self) -> list[tuple[str, Any]]:
        """Return what is about to be agreed on, field by field."""
        return [
            (str(self.fields[name].label or name).replace("_", " "), value)
            for name, value in self.cleaned_data.items()
            if value not in (None, "") and name in self.fields
        ]

    def act(self, agreed: Agreement) -> None:
        raise NotImplementedError


class Subscribe(Operation):
    title = "Subscribe to a plan"
    plan_version = forms.ModelChoiceField(PlanVersion.objects.filter(status="published"))
    starts_on = day("First day")

    def act(self, agreed: Agreement) -> None:
        subscribe(
            organisation=agreed.organisation,
            plan_version=self.cleaned_data["plan_version"],
            starts_on=self.cleaned_data["starts_on"],
            now=agreed.now,
        )


class ChangePlan(Operation):
    title = "Change the plan"
    plan_version = forms.ModelChoiceField(PlanVersion.objects.filter(status="published"))
    starts_on = day("First day on it", "For the end of the period, the first day of the next one.")
    is_prorated = forms.BooleanField(
        label="Divide the period there",
        required=False,
        help_text="Else all of its period is on the new plan.",
    )

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        change_plan(
            agreed,
            plan_version=data["plan_version"],
            starts_on=data["starts_on"],
            is_prorated=data["is_prorated"],
        )


class OverridePrice(Operation):
    title = "Agree on a price for a service"
    service = forms.ModelChoiceField(Service.objects.all())
    model = forms.ChoiceField(choices=Charge.Model.choices)
    tiers = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line, such as 100: 0.10; the last without an end, such as : 0.05.",
    )
    amount = forms.DecimalField(required=False, help_text="Of a flat price, or of one package.")
    package_size = forms.DecimalField(required=False)
    allowance = forms.DecimalField(required=False, help_text="Units that are free.")
    minimum = forms.DecimalField(required=False)
    maximum = forms.DecimalField(required=False)
    starts_on = day("First day")
    ends_on = day("Ends before", "Empty: without end.", required=False)

    TERMS = ("amount", "package_size", "allowance", "minimum", "maximum")

    def clean(self) -> Data:
        data: Data = super().clean() or {}
        try:
            data["terms"] = self._terms(data)
            terms_from(data["terms"])
        except InvalidPrice as error:
            raise ValidationError(str(error)) from error
        return data

    def _terms(self, data: Data) -> Data:
        said = {name: str(data[name]) for name in self.TERMS if data.get(name) is not None}
        lines = str(data.get("tiers") or "").splitlines()
        tiers = [_tier(line) for line in lines if line.strip()]
        return {"model": data.get("model", ""), **said, "tiers": tiers}

    def in_words(self) -> list[tuple[str, Any]]:
        shown = [pair for pair in super().in_words() if pair[0] not in ("tiers", "model")]
        return [("price", words_of(self.cleaned_data["terms"])), *shown]

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.override_price(
            agreed,
            service=data["service"],
            terms=data["terms"],
            starts_on=data["starts_on"],
            ends_on=data["ends_on"],
        )


def _tier(line: str) -> dict[str, str]:
    end, colon, price = (part.strip() for part in line.partition(":"))
    if not colon:
        raise InvalidPrice(f"{line.strip()!r} is no tier: write its end, a colon and its price.")
    return {"up_to": end, "unit_price": price} if end else {"unit_price": price}


class EndPrice(Operation):
    title = "End a price of its own"
    override = forms.ModelChoiceField(PriceOverride.objects.none(), label="price")
    ends_on = day("First day without it")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = PriceOverride.objects.filter(organisation=self.organisation)
        self.fields["override"].queryset = own.select_related("service")  # type: ignore[attr-defined]

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.end_price(agreed, override=data["override"], ends_on=data["ends_on"])


class GrantDiscount(Operation):
    title = "Grant a discount"
    text = forms.CharField(max_length=100, help_text="As the invoice names it.")
    rate = forms.DecimalField(required=False, help_text="A share: 0.25 takes a quarter off.")
    amount = forms.DecimalField(required=False, help_text="Or else so much off each invoice.")
    currency = forms.CharField(max_length=3, required=False, help_text="Of the amount.")
    service = forms.ModelChoiceField(
        Service.objects.all(), required=False, help_text="Empty: off all lines."
    )
    periods = forms.IntegerField(
        required=False, min_value=1, help_text="How many invoices; 1 is once. Empty: every one."
    )
    starts_on = day("First day", "It lowers the invoice of the period with this day first.")

    def act(self, agreed: Agreement) -> None:
        off = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        discounts.grant(agreed, **off)


class EndDiscount(Operation):
    title = "End a discount"
    discount = forms.ModelChoiceField(Discount.objects.none())
    ends_on = day("Periods from this day on have it no more")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Discount.objects.filter(organisation=self.organisation, ends_on=None)
        self.fields["discount"].queryset = own  # type: ignore[attr-defined]

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        discounts.end(agreed, discount=data["discount"], ends_on=data["ends_on"])


class RedeemCoupon(Operation):
    title = "Redeem a coupon"
    code = forms.CharField(max_length=40)
    starts_on = day("First day")

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        discounts.redeem(agreed, code=data["code"], starts_on=data["starts_on"])


class AddCredit(Operation):
    title = "Add credit"
    kind = forms.ChoiceField(choices=Credit.Kind.choices)
    amount = forms.DecimalField(min_value=Decimal("0.0001"))
    currency = forms.CharField(max_length=3, initial="EUR")

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.add_credit(
            agreed, kind=data["kind"], amount=data["amount"], currency=data["currency"]
        )


class JoinPool(Operation):
    title = "Join a volume account"
    parent = forms.ModelChoiceField(
        Organisation.objects.all(), help_text="Its prices rate the usage of all together."
    )
    starts_on = day("First day")

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.join_pool(agreed, parent=data["parent"], starts_on=data["starts_on"])


class LeavePool(Operation):
    title = "Leave the volume account"
    ends_on = day("First day without it")

    def act(self, agreed: Agreement) -> None:
        commands.leave_pool(agreed, ends_on=self.cleaned_data["ends_on"])


class Pause(Operation):
    title = "Pause the account"
    starts_on = day("First day", "Neither base fee nor commitment is due; usage still is.")

    def act(self, agreed: Agreement) -> None:
        commands.pause(agreed, starts_on=self.cleaned_data["starts_on"])


class Resume(Operation):
    title = "Resume the account"
    ends_on = day("First day on which it runs again")

    def act(self, agreed: Agreement) -> None:
        commands.resume(agreed, ends_on=self.cleaned_data["ends_on"])


class Close(Operation):
    title = "Close the account"
    closes_on = day("Closed from", "It cannot be opened again.")

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
