"""What people may ask of settings, checked."""

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.invoicing.legal import BillingDetails
from catacloud.accounts.models import ApiKey, EmailKind, Membership, Role
from catacloud.org_settings.labels import LABELS
from catacloud.time_zones import time_zones


class NewMemberForm(forms.Form):
    email = forms.EmailField(max_length=254, label=_("E-mail address"))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MEMBER)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email.lower()


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class EmailsForm(forms.ModelForm[Membership]):
    emails = forms.MultipleChoiceField(choices=EmailKind.choices, required=False)

    class Meta:
        model = Membership
        fields = ["emails"]


class NewKeyForm(forms.ModelForm[ApiKey]):
    class Meta:
        model = ApiKey
        fields = ["name"]


class TimeZoneForm(forms.Form):
    time_zone = forms.ChoiceField(choices=[(name, name) for name in sorted(time_zones())])


class BillingDetailsForm(forms.ModelForm[BillingDetails]):
    """What members may say of themselves; who invoices them, and why without VAT, operators say."""

    class Meta:
        model = BillingDetails
        fields = [
            "legal_name",
            "street",
            "postcode",
            "city",
            "country",
            "vat_id",
            "email",
            "reference",
            "language",
        ]
        labels = LABELS
        help_texts = {"vat_id": _("With its country before it, such as DE123456788.")}

    def clean_country(self) -> str:
        country: str = self.cleaned_data["country"]
        return country.upper()
