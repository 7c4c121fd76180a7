"""Who invoices, and who is invoiced, in the law's eyes: what invoices copy their parties from."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from babel import Locale
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.invoicing.parties import Party
from billing.invoicing.tax import Rates
from billing.pricing.tax_classes import STANDARD_CLASS
from catacloud.accounts.models import Organisation


@cache
def countries() -> frozenset[str]:
    """Return the countries' codes of two letters; to know them takes 5 MB, so nobody does early."""
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2)


def validate_country(code: str) -> None:
    if code not in countries():
        said = gettext("'%(code)s' is no country: name one by its two letters, such as DE.")
        raise ValidationError(said % {"code": code})


def validate_vat_id(text: str) -> None:
    """Check an id of the EU by its digits; others are taken as they are."""
    from stdnum.eu import vat  # like its others, large for what web workers rarely need

    if text[:2].lower() in {*vat.MEMBER_STATES, "el"} and not vat.is_valid(text):
        said = gettext("'%(text)s' is no VAT id: its digits do not fit.")
        raise ValidationError(said % {"text": text})


def validate_iban(text: str) -> None:
    from stdnum import iban

    if not iban.is_valid(text):
        said = gettext("{text} is no IBAN: its digits do not fit.")
        raise ValidationError(said.format(text=repr(text)))


def validate_bic(text: str) -> None:
    from stdnum import bic

    if not bic.is_valid(text):
        raise ValidationError(gettext("{text} is no BIC.").format(text=repr(text)))


class LegalDetails(models.Model):
    """A name and an address, and what registers know them by."""

    legal_name = models.CharField(max_length=200)
    street = models.CharField(max_length=200, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(
        max_length=2, validators=[validate_country], help_text=_("Two letters, such as DE.")
    )
    vat_id = models.CharField(
        "VAT id", max_length=20, blank=True, validators=[validate_vat_id], help_text="DE123456788"
    )
    email = models.EmailField("e-mail", blank=True)
    exempt_reason = models.CharField(
        max_length=200, blank=True, help_text="The law that exempts it from VAT, if one does."
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.legal_name


class LegalEntity(LegalDetails):
    """A seller: it issues invoices, with numbers of its own."""

    slug = models.SlugField(unique=True)
    is_default = models.BooleanField(
        default=False, help_text="It invoices who has no other legal entity in the billing details."
    )
    registration = models.CharField(
        max_length=100, blank=True, help_text="Such as Amtsgericht Kiel, HRB 12345."
    )
    bank = models.CharField(max_length=100, blank=True)
    iban = models.CharField("IBAN", max_length=34, blank=True, validators=[validate_iban])
    bic = models.CharField("BIC", max_length=11, blank=True, validators=[validate_bic])
    invoice_prefix = models.CharField(max_length=12, default="INV", unique=True)
    credit_note_prefix = models.CharField(max_length=12, default="CN", unique=True)
    payment_days = models.PositiveSmallIntegerField(
        default=14, help_text="How long invoices may stay unpaid."
    )

    class Meta:
        verbose_name_plural = "legal entities"
        ordering = ["legal_name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_legal_entity"
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"), name="seller_country_is_iso_3166"
            ),
        ]

    @property
    def party(self) -> Party:
        return Party(
            name=self.legal_name,
            key=self.slug,
            street=self.street,
            postcode=self.postcode,
            city=self.city,
            country=self.country,
            vat_id=self.vat_id,
            registration=self.registration,
            email=self.email,
            bank=self.bank,
            iban=self.iban,
            bic=self.bic,
            exempt_reason=self.exempt_reason,
        )

    def due_on(self, issued_on: date) -> date:
        return issued_on + timedelta(days=self.payment_days)

    def rates(self, on: date) -> Rates:
        """Return the VAT rates in force on a day."""
        return rates_in(self.vat_rates.filter(starts_on__lte=on))


class VatRate(models.Model):
    """The VAT that a legal entity charges in a country from a day on, until its next rate."""

    legal_entity = models.ForeignKey(
        LegalEntity, on_delete=models.CASCADE, related_name="vat_rates"
    )
    country = models.CharField(max_length=2, validators=[validate_country])
    tax_class = models.SlugField(
        max_length=20, default=STANDARD_CLASS, help_text="Such as standard or reduced."
    )
    percent = models.DecimalField(
        max_digits=5, decimal_places=2, validators=[MinValueValidator(Decimal(0))]
    )
    starts_on = models.DateField()

    class Meta:
        verbose_name = "VAT rate"
        ordering = ["country", "tax_class", "-starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "country", "tax_class", "starts_on"],
                name="one_vat_rate_per_day",
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100), name="vat_is_a_percentage"
            ),
        ]

    def __str__(self) -> str:
        rate = f"{self.country} {self.tax_class}: {self.percent} %"
        return gettext("{what} from {day}").format(what=rate, day=self.starts_on)


def rates_in(rows: Iterable[VatRate]) -> Rates:
    """Return the newest of each country and class."""
    oldest_first = sorted(rows, key=lambda one: one.starts_on)
    return {(one.country, one.tax_class): one.percent for one in oldest_first}


class BillingDetails(LegalDetails):
    """What an organisation's invoices say of it. Without these they bear its name alone."""

    class Language(models.TextChoices):
        ENGLISH = "en", _("English")
        GERMAN = "de", _("German")

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, related_name="billing_details"
    )
    legal_entity = models.ForeignKey(
        LegalEntity,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        help_text="Who invoices it. Empty: the default one.",
    )
    language = models.CharField(
        max_length=2,
        choices=Language.choices,
        default=Language.ENGLISH,
        help_text=_("Of its invoices."),
    )
    reference = models.CharField(
        max_length=100,
        blank=True,
        help_text=_("What its invoices are to name: an order, a Leitweg-ID."),
    )

    class Meta:
        verbose_name_plural = "billing details"
        constraints = [
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"), name="buyer_country_is_iso_3166"
            )
        ]

    @property
    def party(self) -> Party:
        return Party(
            name=self.legal_name,
            key=self.organisation.slug,
            street=self.street,
            postcode=self.postcode,
            city=self.city,
            country=self.country,
            vat_id=self.vat_id,
            email=self.email,
            exempt_reason=self.exempt_reason,
        )


def default_seller() -> LegalEntity:
    """Return who invoices where details name nobody: the default one, else the first.

    Where there is none, one is made up, which is not registered for VAT: operators fill it in.
    """
    found = LegalEntity.objects.order_by("-is_default", "pk").first()
    if found is None:
        made_up = {"legal_name": "Catacloud", "country": "DE", "is_default": True}
        found, _ = LegalEntity.objects.get_or_create(slug="seller", defaults=made_up)
    return found
