"""The official rules: what is run of them says of broken invoices what the whole of them says."""

import re
from collections.abc import Callable
from html import unescape
from importlib.resources import files

import pytest
from lxml import etree

from billing.invoicing.documents import official_rules
from billing.invoicing.documents.einvoice import xml_of
from billing.invoicing.documents.written import write
from tests.billing.invoicing.example_documents import make_document

Run = Callable[[bytes], list[str]]
WRONG = {
    "InvoiceCurrencyCode": "XYZ",  # no such code
    "ID": "",
    "CategoryCode": "Z",
    "LineTotalAmount": "1.00",
    "CountryID": "",
    "TypeCode": "ABC",
    "GrandTotalAmount": "7",
    "DuePayableAmount": "1",
    "RateApplicablePercent": "7",
}
FAILED = re.compile(r"<svrl:failed-assert.*?<svrl:text>(.*?)</svrl:text>", re.DOTALL)


@pytest.fixture(scope="module")
def whole() -> Run:
    """The stylesheet as it is published, with all that it reports."""
    processor, _ = official_rules._rules()
    path = str(files("facturx").joinpath(official_rules.STYLESHEET))
    rules = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=path)

    def run(xml: bytes) -> list[str]:
        report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
        assert "svrl:fired-rule" in report
        return [unescape(" ".join(text.split())) for text in FAILED.findall(report)]

    return run


@pytest.mark.parametrize("name", WRONG)
def test_broken_invoices_break_the_same_rules(name, whole):
    document = make_document("12.53", "0.01")
    root = etree.fromstring(xml_of(document, write(document)))
    for found in root.iter(f"{{*}}{name}"):
        found.text = WRONG[name]
    xml = etree.tostring(root)
    assert whole(xml) == official_rules.broken_rules(xml) != []
