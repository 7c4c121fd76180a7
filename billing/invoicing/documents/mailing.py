"""Send issued documents by e-mail, each once."""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q

from billing.invoicing.documents import describing, issued_files
from billing.invoicing.documents.document import Document
from billing.invoicing.documents.written import write
from billing.invoicing.settling.after import Delivery, IssuedFile

GREETING = {
    "en": "Hello,\n\n{title} {number} of {total} is attached.\n\n{seller}\n",
    "de": "Guten Tag,\n\n{title} {number} über {total} finden Sie im Anhang.\n\n{seller}\n",
}


def send(file: IssuedFile, *, now: datetime) -> Delivery | None:
    """Send a file to whom it is for, unless it was sent; None where nobody said to whom.

    A crash right after sending sends it once more, under the same message id.
    """
    document = _described(file)
    if not document.buyer.email:
        return None
    with transaction.atomic():
        Delivery.objects.get_or_create(file=file, defaults={"address": document.buyer.email})
        delivery = Delivery.objects.select_for_update().get(file=file)
        if delivery.sent_at is None:
            _message(file, document, delivery.address).send()
            delivery.sent_at = now
            delivery.save(update_fields=["sent_at"])
        return delivery


def unsent(*, limit: int) -> list[int]:
    """Return files that were not sent to the address that their document has."""
    files = IssuedFile.objects.filter(
        Q(invoice__buyer__has_key="email") | Q(credit_note__invoice__buyer__has_key="email")
    ).exclude(delivery__sent_at__isnull=False)
    return list(files.order_by("made_at", "pk").values_list("pk", flat=True)[:limit])


def _described(file: IssuedFile) -> Document:
    if file.invoice:
        return describing.of_invoice(file.invoice)
    if file.credit_note:
        return describing.of_credit_note(file.credit_note)
    raise ValueError(f"{file} is of no document.")


def _message(file: IssuedFile, document: Document, address: str) -> EmailMessage:
    written = write(document)
    words = GREETING.get(document.language, GREETING["en"])
    body = words.format(
        title=written.title,
        number=document.number,
        total=written.sums[-1][1],
        seller=document.seller.name,
    )
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    return EmailMessage(
        subject=f"{written.title} {document.number}",
        body=body,
        to=[address],
        headers={"Message-ID": f"<{file.sha256}@{domain}>"},
        attachments=[(f"{document.number}.pdf", issued_files.read(file), "application/pdf")],
    )
