"""Documents: written in two languages, as PDF/A, and as data that the official rules accept."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pikepdf
import pytest
from facturx import get_facturx_xml_from_pdf
from lxml import etree

from billing.invoicing.documents import pdf
from billing.invoicing.documents.document import Kind
from billing.invoicing.documents.einvoice import BrokenRules, xml_of
from billing.invoicing.documents.official_rules import broken_rules
from billing.invoicing.documents.written import write
from billing.invoicing.parties import Party
from billing.invoicing.tax import OUTSIDE_SCOPE, REVERSE_CHARGE, Category, Treatment
from billing.invoicing.wording.pen import Pen
from tests.billing.invoicing.example_documents import AUSTRIAN, ORIGINAL, make_document

NOW = datetime(2026, 12, 1, tzinfo=UTC)
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"


def spaced(text: str) -> str:
    return text.replace("\u00a0", " ")


class TestWritten:
    def test_in_german_has_german_words_numbers_and_dates(self):
        written = write(make_document("12.53"))
        assert (written.title, written.facts[0]) == (
            "Rechnung",
            ("Rechnungsdatum", "01.12.2026"),
        )
        [line] = written.lines
        assert (spaced(line.quantity), spaced(line.amount)) == ("150,5 h", "12,53 €")
        assert [spaced(step[0]) for step in line.steps] == ["Bis 100 h", "Über 100 h"]
        assert spaced(line.steps[1][3]) == "= 2,525 €"

    @pytest.mark.parametrize(
        ("quantity", "shown"),
        [
            ("66.364723333333", "66.365 h"),
            ("6917284.6", "6,917,284.6 h"),
            ("0.000012345678", "0.0000123 h"),
            ("0", "0 h"),
            ("-0.5", "−0.5 h"),
            (f"{10**45}.5555", f"{10**45:,}.556 h"),
        ],
    )
    def test_to_be_looked_at_has_quantities_of_few_digits(self, quantity, shown):
        assert spaced(Pen("en", "EUR", places=3).amount_of(Decimal(quantity), "h")) == shown

    @pytest.mark.parametrize(
        ("share", "said"),
        [("1", "Base fee"), ("0.5", "Base fee, for a share of the period")],
    )
    def test_says_of_a_base_fee_that_it_is_a_share_only_where_it_is_not_whole(self, share, said):
        fee = {"kind": "base fee", "quantity": share, "unit_price": "249", "amount": "249"}
        document = make_document("12.53", language="en")
        [line] = document.lines
        [written] = write(replace(document, lines=[replace(line, working=[fee])])).lines
        assert written.steps[0][0] == said

    def test_in_english_has_english_ones(self):
        written = write(make_document("12.53", language="en"))
        assert written.facts[1] == ("Due", "15 Dec 2026")
        assert [(name, spaced(said)) for name, said in written.sums] == [
            ("Net", "€12.53"),
            ("VAT 19 % on €12.53", "€2.38"),
            ("Total", "€14.91"),
        ]

    def test_takes_credit_off_what_is_to_be_paid(self):
        written = write(make_document("100.00", language="en", credit_used=Decimal(19)))
        assert written.sums[-1] == ("Amount due", "€100.00")

    def test_says_why_no_tax_is_owed(self):
        document = make_document("1.00", treated=REVERSE_CHARGE, language="en")
        assert write(document).notes == ("Reverse charge: the customer owes the VAT.",)
        assert "Steuerschuldnerschaft" in write(replace(document, language="de")).notes[0]


class TestData:
    @pytest.mark.parametrize(
        "document",
        [
            pytest.param(make_document("12.53", "0.01"), id="standard"),
            pytest.param(make_document("12.53", "7.77", included=True), id="tax included"),
            pytest.param(
                make_document("5.00", treated=REVERSE_CHARGE, buyer=AUSTRIAN), id="reverse charge"
            ),
            pytest.param(make_document("5.00", treated=OUTSIDE_SCOPE), id="outside"),
            pytest.param(
                make_document("5.00", treated=Treatment(Category.EXEMPT, reason="§ 4 UStG")),
                id="exempt",
            ),
            pytest.param(
                make_document("5.00", treated=Treatment(Category.ZERO_RATED)), id="zero rated"
            ),
            pytest.param(make_document("-5.00", "1.00"), id="negative"),
            pytest.param(make_document(), id="no lines"),
            pytest.param(
                make_document(
                    "5.00",
                    treated=OUTSIDE_SCOPE,
                    seller=Party(name="Catacloud", key="seller", country="DE"),
                    buyer=Party(name="Acme", key="acme"),
                ),
                id="nothing said of either party",
            ),
            pytest.param(make_document("50.00", credit_used=Decimal(10)), id="with credit"),
            pytest.param(
                make_document("5.00", kind=Kind.CREDIT_NOTE, original=ORIGINAL, due_on=None),
                id="credit note",
            ),
        ],
    )
    def test_passes_the_official_rules(self, document):
        tree = etree.fromstring(xml_of(document, write(document)))
        total = tree.findtext(f".//{{{RAM}}}GrandTotalAmount")
        assert Decimal(total) == document.gross

    def test_of_a_credit_note_names_what_it_takes_back(self):
        document = make_document("5.00", kind=Kind.REVERSAL, original=ORIGINAL, due_on=None)
        xml = xml_of(document, write(document)).decode()
        assert "<ram:TypeCode>381</ram:TypeCode>" in xml
        assert ORIGINAL.number in xml

    def test_that_does_not_add_up_is_not_issued(self):
        wrong = make_document("12.53")
        wrong = replace(wrong, taxes=[replace(wrong.taxes[0], net=Decimal("12.54"))])
        with pytest.raises(BrokenRules, match="BR-CO-10"):
            xml_of(wrong, write(wrong))

    def test_is_checked_by_rules_that_do_object(self):
        document = make_document("12.53")
        xml = xml_of(document, write(document)).replace(b"INV-2026-00008", b"", 1)
        assert any("BR-02" in rule for rule in broken_rules(xml))


@pytest.fixture(scope="module")
def content():
    return pdf.render(make_document("12.53", "0.01"), now=NOW)


class TestPdf:
    def test_is_pdf_a_3_with_tags_in_its_language_and_fonts_inside(self, content):
        with pikepdf.open(BytesIO(content)) as opened:
            with opened.open_metadata() as metadata:
                assert metadata["pdfaid:part"] == "3"
                assert metadata["pdfaid:conformance"] == "A"
            root = opened.Root
            assert not opened.is_encrypted
            assert root.OutputIntents[0].S == "/GTS_PDFA1"
            assert root.MarkInfo.Marked
            assert root.StructTreeRoot.K is not None
            assert root.Lang == "de"
            fonts = [
                font.DescendantFonts[0].FontDescriptor
                for page in opened.pages
                for font in page.Resources.Font.values()
            ]
            assert fonts
            assert all(set(one.keys()) & {"/FontFile2", "/FontFile3"} for one in fonts)

    def test_has_the_data_inside_and_says_so(self, content):
        with pikepdf.open(BytesIO(content)) as opened:
            [attached] = opened.Root.AF
            assert attached.AFRelationship == "/Alternative"
            said = opened.Root.Metadata.read_bytes().decode()
            assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in said
            assert said.count("<pdfaExtension:schemas>") == 1
        name, xml = get_facturx_xml_from_pdf(content)
        assert name == "factur-x.xml"
        assert broken_rules(xml) == []

    def test_is_sound_after_its_metadata_was_changed(self, content):
        with pikepdf.open(BytesIO(content)) as opened:
            assert opened.check_pdf_syntax() == []
            assert opened.trailer.Size > opened.Root.Metadata.objgen[0]
            assert opened.Root.Metadata.Subtype == "/XML"

    def test_of_three_decimals_has_no_data_for_there_is_no_room_and_says_so(self):
        document = make_document("12.531", currency="KWD")
        assert any("Nachkommastellen" in note for note in write(document).notes)
        with pikepdf.open(BytesIO(pdf.render(document, now=NOW))) as opened:
            assert "/AF" not in opened.Root

    def test_of_such_a_currency_has_data_where_the_third_decimal_is_zero_throughout(self):
        document = make_document("12.530", currency="KWD", treated=REVERSE_CHARGE, buyer=AUSTRIAN)
        assert not any("Nachkommastellen" in note for note in write(document).notes)
        _, xml = get_facturx_xml_from_pdf(pdf.render(document, now=NOW))
        assert b"12.53<" in xml

    def test_takes_hostile_text_as_text(self):
        lines = make_document("1.00").lines
        text = '#panic("x") $x$ @ref <b> "\\'
        document = make_document("1.00", lines=[replace(lines[0], text=text)])
        assert pdf.layout(write(document), now=NOW).startswith(b"%PDF")

    def test_goes_on_over_pages(self):
        content = pdf.layout(write(make_document(*["1.00"] * 60)), now=NOW)
        with pikepdf.open(BytesIO(content)) as opened:
            assert len(opened.pages) > 1

    def test_is_dated_by_the_argument(self, content):
        with pikepdf.open(BytesIO(content)) as opened:
            assert str(opened.docinfo.CreationDate) == "D:20261201000000Z"
