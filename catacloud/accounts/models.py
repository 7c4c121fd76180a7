"""Who there is: people, organisations, who belongs to which, and the keys of programs."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from catacloud.accounts.ids import new_id
from catacloud.accounts.triggers import A_NAME_IS_OF_ONE, AN_OWNER_STAYS
from catacloud.time_zones import time_zones


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email=(email or "").lower())


class User(AbstractUser):
    """A person, who signs in with an e-mail address. Staff are the platform's operators."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    language = models.CharField(
        max_length=2,
        choices=settings.LANGUAGES,
        blank=True,
        default="",
        db_default="",
        help_text="Of pages and e-mails. Nothing: as the browser asks for; e-mails in English.",
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(language__in=["", *dict(settings.LANGUAGES)]),
                name="language_is_one_of_ours",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()


def is_time_zone(name: str) -> None:
    """Raise ValidationError where there is no such time zone."""
    if name not in time_zones():
        raise ValidationError(f"There is no time zone {name!r}: name one such as Europe/Berlin.")


class Organisation(models.Model):
    """A customer of the platform. Its id is the tenant id of all its events."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(
        max_length=80, unique=True, help_text="In addresses, and as the subject of usage events."
    )
    external_key = models.CharField(
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        help_text="What senders of usage call it, where that is not its slug.",
    )
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[is_time_zone],
        help_text="In which its days and months begin, such as Europe/Berlin.",
    )
    storage_quota = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="The most bytes of uploads that are kept for it. Empty: the platform's default.",
    )
    # Written by whoever watches budgets, and here so that requests read them with the rest.
    stopped_until = models.DateTimeField(null=True, editable=False)  # takes nothing new until then
    warned_until = models.DateTimeField(null=True, editable=False)  # its pages warn until then
    warned_at = models.DateTimeField(null=True, editable=False)  # when they began to say so
    members = models.ManyToManyField(User, through="Membership", related_name="organisations")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(storage_quota__isnull=True) | Q(storage_quota__gte=0),
                name="a_quota_is_not_negative",
            ),
            models.CheckConstraint(
                condition=~Q(external_key=""), name="an_external_key_is_not_empty"
            ),
        ]
        triggers = [A_NAME_IS_OF_ONE]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        self.external_key = self.external_key or None
        others = Organisation.objects.exclude(pk=self.pk)
        if others.filter(slug=self.external_key).exists():
            raise ValidationError({"external_key": "This is the slug of another organisation."})
        if others.filter(external_key=self.slug).exists():
            raise ValidationError({"slug": "This is the external key of another organisation."})

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    BILLING = "billing", _("Billing")
    MEMBER = "member", _("Member")


class EmailKind(models.TextChoices):
    """What a member may be written to about."""

    INVOICES = "invoices", _("Invoices and payments")
    BUDGETS = "budgets", _("Budgets that are reached")


class Membership(models.Model):
    """A person belongs to an organisation, in a role.

    ``emails`` are the kinds that this person chose; None until then (emails.py says what holds).
    """

    Role = Role

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    emails = ArrayField(
        models.CharField(max_length=20, choices=EmailKind.choices), null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user"], name="one_membership_each"),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "billing", "member"]), name="a_role_is_known"
            ),
        ]
        triggers = [AN_OWNER_STAYS]

    def __str__(self) -> str:
        return f"{self.user} in {self.organisation}"


class Invitation(models.Model):
    """Whoever reads the e-mail with the token may join. Accepted or withdrawn, it is deleted."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField("e-mail address")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "email"], name="one_invitation_each"),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="invited_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "billing", "member"]), name="invited_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organisation}"


class ApiKey(models.Model):
    """A program's secret, kept as a digest and found by its public prefix.

    Without an organisation it is a platform key, which may speak for every organisation.
    ``last_used_at`` is coarse: up to a minute behind.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} (cck_{self.prefix}…)"
