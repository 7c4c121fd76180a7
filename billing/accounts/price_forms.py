"""The forms of prices of a customer's own."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.accounts import commands
from billing.accounts.commands import Agreement
from billing.accounts.models import PriceOverride
from billing.accounts.operations import Data, Operation, day
from billing.accounts.own_prices import refuse_unlike_a_charge, words_of
from billing.metering.models import Service
from billing.pricing.models import Charge
from billing.pricing.tiers import InvalidPrice

BESIDE_PRICE = {"fee": "flat_fee", "cap": "cap"}  # what a tier may have, by its name on the form


class OverridePrice(Operation):
    title = "Agree on a price for a service"
    service = forms.ModelChoiceField(Service.objects.all())
    model = forms.ChoiceField(choices=Charge.Model.choices)
    tiers = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line, such as 100: 0.10; the last without an end, such as : 0.05. With a "
        "flat fee, a cap, or both: 100: 0.10, fee 5, cap 8. Of a percentage, in per cent.",
    )
    amount = forms.DecimalField(required=False, help_text="Of a flat price, or of one package.")
    package_size = forms.DecimalField(required=False)
    divide_by = forms.DecimalField(
        required=False, help_text="1000 prices thousands of the service's units."
    )
    rounding = forms.ChoiceField(
        choices=[("", "---------"), *Charge.Rounding.choices],
        required=False,
        help_text="Of that division, once per period. Empty: up.",
    )
    allowance = forms.DecimalField(required=False, help_text="Units that are free.")
    minimum = forms.DecimalField(required=False, help_text="The least that a period comes to.")
    maximum = forms.DecimalField(required=False)
    event_fee = forms.DecimalField(required=False, help_text="Of a percentage, for each event.")
    event_minimum = forms.DecimalField(required=False, help_text="Of each event.")
    event_maximum = forms.DecimalField(required=False)
    free_events = forms.IntegerField(required=False, min_value=0)
    starts_on = day("First day")
    ends_on = day("Ends before", "Empty: without end.", required=False)

    TERMS = (
        *("amount", "package_size", "divide_by", "rounding", "allowance", "minimum", "maximum"),
        *("event_fee", "event_minimum", "event_maximum", "free_events"),
    )

    def clean(self) -> Data:
        data: Data = super().clean() or {}
        try:
            data["terms"] = self._terms(data)
            if service := data.get("service"):
                refuse_unlike_a_charge(data["terms"], service)
        except InvalidPrice as error:
            raise ValidationError(str(error)) from error
        return data

    def _terms(self, data: Data) -> Data:
        said = {name: str(data[name]) for name in self.TERMS if data.get(name) not in (None, "")}
        lines = str(data.get("tiers") or "").splitlines()
        tiers = [_tier(line) for line in lines if line.strip()]
        return {"model": data.get("model", ""), **said, "tiers": tiers}

    def in_words(self) -> list[tuple[str, Any]]:
        said = {name.replace("_", " ") for name in ("tiers", "model", *self.TERMS)}
        shown = [pair for pair in super().in_words() if pair[0] not in said]
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
    """Read a tier as the form's help has it. Raises InvalidPrice."""
    first, *more = (part.strip() for part in line.split(","))
    end, colon, price = (part.strip() for part in first.partition(":"))
    if not colon:
        raise InvalidPrice(f"{line.strip()!r} is no tier: write its end, a colon and its price.")
    tier = {"up_to": end, "unit_price": price} if end else {"unit_price": price}
    for part in more:
        name, _, amount = part.partition(" ")
        if name not in BESIDE_PRICE:
            raise InvalidPrice(f"{part!r} is not known of a tier: write fee 5, or cap 8.")
        tier[BESIDE_PRICE[name]] = amount.strip()
    return tier


class EndPrice(Operation):
    title = "End a price of its own"
    override = forms.ModelChoiceField(PriceOverride.objects.none(), label="Price")
    ends_on = day("First day without it")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = PriceOverride.objects.filter(organisation=self.organisation)
        self.fields["override"].queryset = own.select_related("service")  # type: ignore[attr-defined]

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.end_price(agreed, override=data["override"], ends_on=data["ends_on"])
