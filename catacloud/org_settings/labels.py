"""What the billing details are called, in the form and in the log. Pure."""

from django.utils.translation import gettext_lazy as _

LABELS = {
    "legal_name": _("Legal name"),
    "street": _("Street"),
    "postcode": _("Postcode"),
    "city": _("City"),
    "country": _("Country"),
    "vat_id": _("VAT id"),
    "email": _("E-mail"),
    "reference": _("Reference"),
    "language": _("Language"),
}
