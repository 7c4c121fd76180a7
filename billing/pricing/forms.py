"""What the admin checks before it saves: a mistake is a sentence on the form, not an error page."""

from decimal import Decimal
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import QueryDict
from django.utils.translation import gettext

from billing.exact import ZERO, plain
from billing.invoicing.legal import VatRate
from billing.pricing.models import Charge, PlanVersion, Tier
from billing.pricing.tax_classes import EXEMPT_CLASS, STANDARD_CLASS
from billing.pricing.terms import terms_of
from billing.pricing.tiers import InvalidPrice
from billing.pricing.tiers import Tier as PricedTier
from catacloud.admin_forms import NamedCells

M = TypeVar("M", bound=Model)


class PlainNumbers(forms.ModelForm[M]):
    """A form in which 0.05 is easier to read, and to get right, than 0.050000000000."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.initial.items():
            if isinstance(value, Decimal):
                self.initial[name] = plain(value)


class TierForm(PlainNumbers[Tier]):
    """A step of a charge."""


class ChargeForm(PlainNumbers[Charge]):
    """The terms of a charge."""

    def clean_tax_class(self) -> str:
        return _known_tax_class(self.cleaned_data["tax_class"])


class VersionForm(PlainNumbers[PlanVersion]):
    """The terms of a plan version."""

    def clean_base_fee_tax_class(self) -> str:
        return _known_tax_class(self.cleaned_data["base_fee_tax_class"])

    def clean_commitment_tax_class(self) -> str:
        return _known_tax_class(self.cleaned_data["commitment_tax_class"])


def _known_tax_class(asked: str) -> str:
    """Return the class if it has a rate: else that is found out when no invoice can be made."""
    rates = VatRate.objects.order_by("tax_class").values_list("tax_class", flat=True)
    known = [STANDARD_CLASS, EXEMPT_CLASS, *rates.distinct()]
    if asked not in known:
        text = gettext("No legal entity has a VAT rate of this class: {known} are known.")
        raise ValidationError(text.format(known=", ".join(dict.fromkeys(known))))
    return asked


class TierFormSet(NamedCells):
    """The tiers of one charge, which together have to price every quantity."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return  # the fields have their own messages; together they would make no sense yet
        try:
            terms_of(self.instance, self.priced())
        except InvalidPrice as error:
            raise ValidationError(str(error)) from error

    def priced(self) -> list[PricedTier]:
        """Return the tiers as they are in the form, without those that are to be deleted."""
        filled: list[dict[str, Any]] = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data.get("unit_price") is not None
            and not form.cleaned_data.get("DELETE")
        ]
        filled.sort(key=lambda tier: (tier["up_to"] is None, tier["up_to"]))
        return [
            PricedTier(tier["up_to"], tier["unit_price"], tier["flat_fee"] or ZERO, tier["cap"])
            for tier in filled
        ]


def tiers_as_filled_in(data: QueryDict, charge: Charge) -> TierFormSet:
    """Return the tiers of a charge's page as they were sent."""
    made = forms.inlineformset_factory(
        Charge,
        Tier,
        form=TierForm,
        formset=TierFormSet,
        fields=["up_to", "unit_price", "flat_fee", "cap"],
    )
    return cast(TierFormSet, made(data, instance=charge, prefix="tiers"))


class PreviewForm(forms.ModelForm[Charge]):
    """A charge's form as it stands, which may be half filled in. It is never saved."""

    class Meta:
        model = Charge
        fields = [
            *("version", "service", "model", "amount", "package_size"),
            *("divide_by", "rounding", "allowance", "flat_fee_on_zero", "minimum", "maximum"),
            *("event_fee", "event_minimum", "event_maximum", "free_events"),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:  # then its form does not say whose it is
            del self.fields["version"], self.fields["service"]

    def mistakes(self, tiers: TierFormSet) -> list[str]:
        """Return what stands in the way of a price, in sentences; none where there is one."""
        found = [
            f"{self.fields[name].label if name in self.fields else ''}: {said}".removeprefix(": ")
            for name, errors in self.errors.items()
            for said in errors
        ]
        if found:
            return found
        if tiers.is_valid():
            return []
        of_fields = [
            said for form in tiers.forms for errors in form.errors.values() for said in errors
        ]
        return [*of_fields, *tiers.non_form_errors()]
