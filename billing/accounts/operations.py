"""What an operator agrees on with a customer: a form that says itself in words, and acts."""

from datetime import date
from typing import Any, ClassVar

from django import forms

from billing.accounts.commands import Agreement
from catacloud.accounts.models import Organisation

Data = dict[str, Any]


def day(label: str, help_text: str = "", *, required: bool = True) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"})
    return forms.DateField(label=label, help_text=help_text, required=required, widget=widget)


class Operation(forms.Form):
    """A form of one agreement. ``act`` raises Refused or CannotSubscribe."""

    title: ClassVar[str]
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(
        self, *args: Any, organisation: Organisation, today: date | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.organisation, self.today = organisation, today
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
