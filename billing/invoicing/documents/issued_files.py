"""The files of issued documents: each made once, checked, kept with its digest, served as kept."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import IntegrityError, transaction

from billing.invoicing.documents import describing
from billing.invoicing.documents.document import Document
from billing.invoicing.models import Invoice
from billing.invoicing.settling.after import CreditNote, IssuedFile

Kind = Literal["invoice", "credit-note"]
Issued = Invoice | CreditNote


class Damaged(Exception):
    """A kept file is not what was issued."""

    def __init__(self, file: IssuedFile) -> None:
        super().__init__(f"{file.name} is not as it was issued: its digest is another.")


def find(kind: str, document_id: int) -> Issued:
    if kind == "invoice":
        return Invoice.objects.get(pk=document_id)
    return CreditNote.objects.select_related("invoice").get(pk=document_id)


def issue(document: Issued, *, now: datetime) -> IssuedFile:
    """Return the file of a document, made where there is none yet.

    Raises einvoice.BrokenRules: then it is not issued.
    """
    from billing.invoicing.documents import pdf  # 40 MB, and the web's workers make none

    if file := of(document):
        return file
    content = pdf.render(describe(document), now=now)
    digest = hashlib.sha256(content).hexdigest()
    # Whoever makes it at the same time keeps another file: the row says which one counts.
    name = f"{now:%Y}/{document.number}-{digest[:16]}.pdf"
    kept = storages["documents"].save(name, ContentFile(content))
    owner = _owner(document)
    try:
        with transaction.atomic():
            return IssuedFile.objects.create(
                **owner, name=kept, sha256=digest, size=len(content), made_at=now
            )
    except IntegrityError:
        storages["documents"].delete(kept)
        return IssuedFile.objects.get(**owner)


def of(document: Issued) -> IssuedFile | None:
    return IssuedFile.objects.filter(**_owner(document)).first()


def describe(document: Issued) -> Document:
    if isinstance(document, Invoice):
        return describing.of_invoice(document)
    return describing.of_credit_note(document)


def _owner(document: Issued) -> dict[str, Any]:
    return {"invoice" if isinstance(document, Invoice) else "credit_note": document}


def read(file: IssuedFile) -> bytes:
    """Return a file as it was issued. Raises FileNotFoundError, and Damaged where it is another."""
    with storages["documents"].open(file.name) as opened:
        content: bytes = opened.read()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Damaged(file)
    return content


def missing(*, limit: int) -> Iterator[tuple[Kind, int]]:
    """Yield documents without a file, the oldest first; but none from before they had a seller."""
    invoices = Invoice.objects.filter(file=None).exclude(seller={}).order_by("issued_at", "pk")
    for pk in invoices.values_list("pk", flat=True)[:limit]:
        yield "invoice", pk
    notes = (
        CreditNote.objects.filter(file=None).exclude(invoice__seller={}).order_by("issued_at", "pk")
    )
    for pk in notes.values_list("pk", flat=True)[:limit]:
        yield "credit-note", pk
