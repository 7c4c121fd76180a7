"""The forms of prices of a customer's own."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from billing.accounts import commands
from billing.accounts.commands import Agreement
from billing.accounts.models import PriceOverride
from billing.accounts.operations import Data, Operation, day, number
from billing.accounts.own_prices import refuse_unlike_a_charge, words_of
from billing.metering.models import Service
from billing.pricing.models import Charge
from billing.pricing.tiers import InvalidPrice

BESIDE_PRICE = {"fee": "flat_fee", "cap": "cap"}  # what a tier may have, by its name on the form


class OverridePrice(Operation):
    title = gettext_lazy("Agree on a price for a service")
    service = forms.ModelChoiceField(Service.objects.all(), label=gettext_lazy("Service"))
    model = forms.ChoiceField(label=gettext_lazy("Model"), choices=Charge.Model.choices)
    tiers = forms.CharField(
        label=gettext_lazy("Tiers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "One a line, such as 100: 0.10; the last without an end, such as : 0.05. With a "
            "flat fee, a cap, or both: 100: 0.10, fee 5, cap 8. Of a percentage, in per cent."
        ),
    )
    amount = number(gettext_lazy("Amount"), gettext_lazy("Of a flat price, or of one package."))
    package_size = number(gettext_lazy("Package size"))
    divide_by = number(
        gettext_lazy("Divide by"), gettext_lazy("1000 prices thousands of the service's units.")
    )
    rounding = forms.ChoiceField(
        label=gettext_lazy("Rounding"),
        choices=[("", "---------"), *Charge.Rounding.choices],
        required=False,
        help_text=gettext_lazy("Of that division, once per period. Empty: up."),
    )
    allowance = number(gettext_lazy("Allowance"), gettext_lazy("Units that are free."))
    minimum = number(gettext_lazy("Minimum"), gettext_lazy("The least that a period comes to."))
    maximum = number(pgettext_lazy("of a price", "Maximum"))
    event_fee = number(gettext_lazy("Event fee"), gettext_lazy("Of a percentage, for each event."))
    event_minimum = number(gettext_lazy("Event minimum"), gettext_lazy("Of each event."))
    event_maximum = number(gettext_lazy("Event maximum"))
    free_events = forms.IntegerField(label=gettext_lazy("Free events"), required=False, min_value=0)
    starts_on = day(gettext_lazy("First day"))
    ends_on = day(gettext_lazy("Ends before"), gettext_lazy("Empty: without end."), required=False)

    TERMS = (
        *("amount", "package_size", "divide_by", "rounding", "allowance", "minimum", "maximum"),
        *("event_fee", "event_minimum", "event_maximum", "free_events"),
    )
    unsaid = frozenset({"tiers", "model", *TERMS})

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
        return [(gettext("Price"), words_of(self.cleaned_data["terms"])), *super().in_words()]

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
        said = gettext("{line} is no tier: write its end, a colon and its price.")
        raise InvalidPrice(said.format(line=repr(line.strip())))
    tier = {"up_to": end, "unit_price": price} if end else {"unit_price": price}
    for part in more:
        name, _, amount = part.partition(" ")
        if name not in BESIDE_PRICE:
            said = gettext("{part} is not known of a tier: write fee 5, or cap 8.")
            raise InvalidPrice(said.format(part=repr(part)))
        tier[BESIDE_PRICE[name]] = amount.strip()
    return tier


class EndPrice(Operation):
    title = gettext_lazy("End a price of its own")
    override = forms.ModelChoiceField(PriceOverride.objects.none(), label=gettext_lazy("Price"))
    ends_on = day(gettext_lazy("First day without it"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = PriceOverride.objects.filter(organisation=self.organisation)
        self.fields["override"].queryset = own.select_related("service")  # type: ignore[attr-defined]

    def act(self, agreed: Agreement) -> None:
        data = self.cleaned_data
        commands.end_price(agreed, override=data["override"], ends_on=data["ends_on"])
