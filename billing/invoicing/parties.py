"""The two parties of an invoice as they were when it was issued: frozen copies. Pure."""

from typing import Any

import msgspec

from billing.invoicing.tax import Taxpayer


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A legal person's details; ``country`` is of ISO 3166. Bank details are only a seller's."""

    name: str
    key: str = ""  # what the platform calls it
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    vat_id: str = ""
    registration: str = ""  # in a register of companies
    email: str = ""
    bank: str = ""
    iban: str = ""
    bic: str = ""
    exempt_reason: str = ""

    @property
    def taxpayer(self) -> Taxpayer:
        return Taxpayer(self.country, self.vat_id, self.exempt_reason)

    @property
    def place(self) -> str:
        return f"{self.postcode} {self.city}".strip()


def frozen(party: Party) -> dict[str, Any]:
    """Return a party as an invoice keeps it."""
    copy: dict[str, Any] = msgspec.to_builtins(party)
    return copy


def thawed(copy: dict[str, Any]) -> Party:
    """Return the party of a frozen copy; one without a name where there is none."""
    return msgspec.convert({"name": "", **copy}, Party)
