"""What models are called in the admin is listed for translation, and is there in German."""

from django.apps import apps
from django.contrib import admin
from django.forms import ModelForm
from django.utils.functional import Promise
from django.utils.translation import gettext, override

from catacloud.model_words import replaced, translate_models
from catacloud.model_words_list import WORDS

ALIKE = {"BIC", "DE123456788", "IBAN", "ID", "Maximum"}  # in both languages


def below(base):
    for one in base.__subclasses__():
        yield one
        yield from below(one)


def shown():
    """Return the models that the admin shows, be it within others, and those that they are of."""
    registered = admin.site._registry
    inlines = {inline.model for one in registered.values() for inline in one.inlines}
    return {base for model in {*registered, *inlines} for base in model.__mro__} & set(replaced)


def words_shown():
    names = {str(apps.get_app_config(model._meta.app_label).verbose_name) for model in shown()}
    return names.union(*(replaced[model] for model in shown()))


def test_what_the_admin_calls_models_is_listed_for_translation():
    assert words_shown() - set(WORDS) == set(), "add them to catacloud/model_words_list.py"
    assert set(WORDS) - words_shown() == set(), "take them out of catacloud/model_words_list.py"
    assert sorted(WORDS) == WORDS


def test_each_word_has_its_german():
    with override("de"):
        assert {word for word in WORDS if gettext(word) == word} == ALIKE


def labels_of(field):
    return [label for _, label in field.choices]


def test_names_follow_the_language():
    plan = apps.get_model("billing", "Plan")
    version = apps.get_model("billing", "PlanVersion")
    status = version._meta.get_field("status")
    said = [plan._meta.verbose_name_plural, status.verbose_name, *labels_of(status)]
    assert [*map(str, said)] == ["plans", "status", "Draft", "Published", "Retired"]
    with override("de"):
        german = ["Tarife", "Status", "Entwurf", "Veröffentlicht", "Zurückgezogen"]
        assert [*map(str, said)] == german
        assert version(status="draft").get_status_display() == "Entwurf"


def test_forms_call_fields_as_models_do():
    forms = [form for form in below(ModelForm) if form._meta.model in replaced]
    assert forms
    for form in forms:
        made = form.base_fields.keys() - form.declared_fields.keys()
        plain = {name for name in made if not isinstance(form.base_fields[name].label, Promise)}
        assert plain == set(), f"{form} was made before its model was translated"


def test_languages_are_called_as_they_call_themselves():
    language = apps.get_model("accounts", "User")._meta.get_field("language")
    with override("de"):
        assert [*map(str, labels_of(language))] == ["English", "Deutsch"]


def test_nothing_is_translated_twice():
    before = {model: set(words) for model, words in replaced.items()}
    translate_models()
    assert replaced == before
