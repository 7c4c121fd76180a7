"""What the admin checks before it saves: a mistake is a sentence on the form, not an error page."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.exact import ZERO, plain
from billing.pricing.models import Charge, Tier
from billing.pricing.terms import terms_of
from billing.pricing.tiers import InvalidPrice
from billing.pricing.tiers import Tier as PricedTier


class TierForm(forms.ModelForm[Tier]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # 0.05 is easier to read, and to get right, than 0.050000000000.
        for name, value in self.initial.items():
            if isinstance(value, Decimal):
                self.initial[name] = plain(value)


class TierFormSet(forms.BaseInlineFormSet[Tier, Charge, forms.ModelForm[Tier]]):
    """The tiers of one charge, which together have to price every quantity."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return  # the fields have their own messages; together they would make no sense yet
        try:
            terms_of(self.instance, self._tiers())
        except InvalidPrice as error:
            raise ValidationError(str(error)) from error

    def _tiers(self) -> list[PricedTier]:
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
