"""Models' names, those of their fields, help texts, choices and refusals, in the reader's language.

The admin calls fields by their names in code. Verbose names in each model would be some three
hundred lines, and a migration each where a help text or choices change; here they are looked up
in the catalog by what they are in English. Migrations see no difference, for a lazy text equals
the text that it is made of. What the catalog needs is listed in ``model_words_list``.
"""

from collections import defaultdict
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models import Field, Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

APPS = ("catacloud", "eventstore", "uploads", "billing")

#: What was replaced, by models: tests see that the admin's are listed and have their German.
replaced: dict[type[Model], set[str]] = defaultdict(set)


def translate_models() -> None:
    """Let all texts of the project's models be translated that are not yet."""
    for config in apps.get_app_configs():
        if config.name.split(".")[0] in APPS:
            _translate(config, "verbose_name", set())
            _translate_app(config)


def _translate_app(config: AppConfig) -> None:
    for model in config.get_models():
        words = replaced[model]
        _translate_names(model, words)
        for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
            for attribute in ("verbose_name", "help_text"):
                _translate(field, attribute, words)
            _translate_choices(field, words)
        for constraint in model._meta.constraints:
            _translate(constraint, "violation_error_message", words)


def _translate_names(model: type[Model], words: set[str]) -> None:
    options = model._meta
    if "verbose_name_plural" not in options.original_attrs and isinstance(
        options.verbose_name, str
    ):
        options.verbose_name_plural = f"{options.verbose_name}s"
    _translate(options, "verbose_name", words)
    _translate(options, "verbose_name_plural", words)


def _translate_choices(field: "Field[Any, Any]", words: set[str]) -> None:
    if field.choices and field.choices != settings.LANGUAGES:  # these are called as they call them
        field.choices = [(value, _lazy(label, words)) for value, label in field.choices]


def _translate(owner: object, attribute: str, words: set[str]) -> None:
    setattr(owner, attribute, _lazy(getattr(owner, attribute), words))


def _lazy(text: Any, words: set[str]) -> Any:
    if not text or isinstance(text, Promise):
        return text
    words.add(text)
    return gettext_lazy(text)
