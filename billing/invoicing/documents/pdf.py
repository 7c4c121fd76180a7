"""A document as PDF/A-3, tagged, with its data by EN 16931 inside (Factur-X).

Bytes differ from one rendering to the next, so the issued file is kept and never made anew: see
files.py.
"""

import logging
import threading
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import msgspec
import pikepdf
import typst
from facturx.facturx import generate_xmp_bytes
from lxml import etree

from billing.invoicing.documents import einvoice
from billing.invoicing.documents.document import Document
from billing.invoicing.documents.pdf_update import with_stream
from billing.invoicing.documents.written import Written, write

TEMPLATE = Path(__file__).parent / "typst" / "document.typ"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SCHEMAS = "{http://www.aiim.org/pdfa/ns/extension/}schemas"
PACKET = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n%s\n<?xpacket end="w"?>'
_LOCK = threading.Lock()
logging.getLogger("factur-x").setLevel(logging.WARNING)  # it tells of each step
logging.getLogger("pikepdf").setLevel(logging.WARNING)


def render(document: Document, *, now: datetime) -> bytes:
    """Return the PDF of a document that has passed the official rules.

    Raises einvoice.BrokenRules. Amounts that EN 16931 has no room for are in a PDF without data,
    which says so.
    """
    written = write(document)
    if not document.fits_en_16931:
        return layout(written, now=now)
    return with_data(written, einvoice.xml_of(document, written), now=now)


def with_data(written: Written, xml: bytes, *, now: datetime) -> bytes:
    """Return the PDF with its data inside, and said to be."""
    return _declared(layout(written, now=now, xml=xml))


def layout(written: Written, *, now: datetime, xml: bytes = b"") -> bytes:
    """Return the PDF, with the data attached where there is some."""
    text = msgspec.json.encode(written).decode()
    with _LOCK:
        pdf = _compiler().compile(
            format="pdf",
            pdf_standards=["a-3a"],
            sys_inputs={"document": text, "xml": xml.decode()},
            timestamp=int(now.astimezone(UTC).timestamp()),
        )
    if not isinstance(pdf, bytes):  # pages, had it been asked for pictures
        raise TypeError("Typst made no PDF.")
    return pdf


def _declared(pdf: bytes) -> bytes:
    """Say in the PDF's own metadata that the attached file is its data: Typst cannot yet."""
    about, schemas = _declaration()
    with pikepdf.open(BytesIO(pdf)) as opened:
        metadata = opened.Root.Metadata
        root = etree.fromstring(metadata.read_bytes())
        [rdf] = root.iter(f"{RDF}RDF")
        [known] = root.iter(SCHEMAS)
        known[0].extend(map(deepcopy, schemas))
        rdf.append(deepcopy(about))
        return with_stream(pdf, opened, metadata, PACKET % etree.tostring(root))


@cache
def _declaration() -> tuple[etree._Element, list[etree._Element]]:
    """Return what Factur-X has to say in every PDF, and the schemas that explain its words."""
    root = etree.fromstring(generate_xmp_bytes("factur-x", einvoice.LEVEL, None, {}))
    [about] = [
        one
        for one in root.iter(f"{RDF}Description")
        if len(one) and str(one[0].tag).startswith("{urn:factur-x:")
    ]
    [schemas] = root.iter(SCHEMAS)
    return about, list(schemas[0])


@cache
def _compiler() -> typst.Compiler:
    # Without the machine's fonts, an invoice looks the same wherever it is made.
    return typst.Compiler(str(TEMPLATE), root=str(TEMPLATE.parent), ignore_system_fonts=True)
