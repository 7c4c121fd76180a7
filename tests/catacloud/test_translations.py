"""Each text of the pages is there in German, and what is compiled is what was written."""

import re
from ast import literal_eval
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

from tests.conftest import BASE_DIR

FOLDER = BASE_DIR / "locale/de/LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|%s|%d")
MARKED = re.compile(r"\b(?:gettext|_)\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)")
WITH_PLURAL = re.compile(r"\bngettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"),")


@pytest.fixture(scope="module")
def catalog():
    with (FOLDER / "django.po").open("rb") as file:
        return read_po(file, locale="de")


def texts(message):
    """Return a message's texts and its translations, one of each where it has no plural."""
    if isinstance(message.id, tuple):
        return list(message.id), list(message.string)
    return [message.id], [message.string]


def test_every_text_has_its_translation(catalog):
    assert [one.id for one in catalog if one.id and not all(texts(one)[1])] == []
    assert [one.id for one in catalog if one.id and one.fuzzy] == []


def test_translations_have_the_places_of_their_texts(catalog):
    for message in catalog:
        if not message.id:
            continue
        given, translated = texts(message)
        wanted = sorted(PLACEHOLDER.findall(given[-1]))
        assert sorted(PLACEHOLDER.findall(translated[-1])) == wanted, message.id


def test_what_is_compiled_is_what_was_written(catalog):
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for message in catalog:
        if not message.id:
            continue
        given, translated = texts(message)
        if message.context:
            said = [compiled.pgettext(message.context, given[0])]
        elif len(given) > 1:
            said = [compiled.ngettext(given[0], given[1], number) for number in (1, 2)]
        else:
            said = [compiled.gettext(given[0])]
        assert said == translated, message.id


def test_no_text_of_a_template_is_missing_from_the_catalog(catalog):
    known = {texts(message)[0][0] for message in catalog if message.id}
    for file in sorted(Path(BASE_DIR / "templates").rglob("*.*")):
        source = templatize(file.read_text())
        marked = {
            literal_eval(text) for text in MARKED.findall(source) + WITH_PLURAL.findall(source)
        }
        assert marked <= known, f"{file}: run ./dev messages and translate what is new"
