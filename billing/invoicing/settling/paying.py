"""Record payments."""

from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from billing.exact import plain
from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import Payment
from billing.pricing.currencies import round_amount
from catacloud.accounts.models import User


class CannotPay(Exception):
    """The payment cannot be recorded. The message says why."""


def record_payment(
    invoice: Invoice,
    *,
    amount: Decimal,
    received_on: date,
    reference: str,
    now: datetime,
    by: User | None = None,
) -> Payment:
    """Record money for an invoice, all of it or a part; below zero, money that was paid back.

    The same reference again is the same payment. Raises CannotPay.
    """
    if not amount or amount != round_amount(amount, invoice.currency):
        raise CannotPay(f"{plain(amount)} is no amount of {invoice.currency}.")
    try:
        with transaction.atomic():
            payment, _ = Payment.objects.get_or_create(
                invoice=invoice,
                reference=reference,
                defaults={
                    "amount": amount,
                    "received_on": received_on,
                    "recorded_at": now,
                    "recorded_by": by,
                },
            )
    except IntegrityError as error:
        if "void" in str(error):
            raise CannotPay(f"Invoice {invoice} is void: nothing is paid for it.") from error
        raise
    if payment.amount != amount:
        raise CannotPay(f"{reference} of invoice {invoice} is {plain(payment.amount)} already.")
    return payment
