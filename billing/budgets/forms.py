"""What people may ask of a budget, checked."""

from decimal import Decimal

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.budgets.models import Budget, Threshold
from billing.pricing.currencies import round_amount


class BudgetForm(forms.ModelForm[Budget]):
    """``instance`` says whose budget it is, and in which currency."""

    thresholds = forms.MultipleChoiceField(
        label=gettext_lazy("Warn when"),
        choices=Threshold.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Budget
        fields = ["amount", "thresholds", "stops"]

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        currency = self.instance.currency
        if amount <= 0:
            raise ValidationError(_("A budget is more than zero."))
        if round_amount(amount, currency) != amount:
            raise ValidationError(
                _("This is finer than the smallest amount of %(currency)s.")
                % {"currency": currency}
            )
        return amount
