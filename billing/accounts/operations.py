"""What an operator agrees on with a customer: a form that says itself in words, and acts."""

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext, gettext_lazy

from billing.accounts.commands import Agreement
from catacloud.accounts.models import Organisation

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

Data = dict[str, Any]


def day(
    label: "_StrOrPromise", help_text: "_StrOrPromise" = "", *, required: bool = True
) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"})
    return forms.DateField(label=label, help_text=help_text, required=required, widget=widget)


def number(label: "_StrOrPromise", help_text: "_StrOrPromise" = "") -> forms.DecimalField:
    """Ask for an amount or a quantity that need not be there."""
    return forms.DecimalField(label=label, help_text=help_text, required=False)


class Operation(forms.Form):
    """A form of one agreement. ``act`` raises Refused or CannotSubscribe."""

    title: "ClassVar[_StrOrPromise]"
    unsaid: ClassVar[frozenset[str]] = frozenset()  # fields that are said otherwise
    reason = forms.CharField(label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(
        self, *args: Any, organisation: Organisation, today: date | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.organisation, self.today = organisation, today
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def in_words(self) -> list[tuple[str, Any]]:
        """Return what is about to be agreed on, field by field."""
        return [
            (str(self.fields[name].label), self.said(name, value))
            for name, value in self.cleaned_data.items()
            if value not in (None, "") and name in self.fields and name not in self.unsaid
        ]

    def said(self, name: str, value: Any) -> Any:
        if isinstance(value, bool):
            return gettext("True") if value else gettext("False")
        return value

    def act(self, agreed: Agreement) -> None:
        raise NotImplementedError
