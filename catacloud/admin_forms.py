"""Names for those fields of the admin's forms that only their place on the page tells apart."""

from typing import Any

from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import Field
from django.forms import BaseInlineFormSet, ModelForm, Widget
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import pgettext


class NamedCells(BaseInlineFormSet[Any, Any, Any]):
    """The rows of a table of forms: each field has the name that is at the head of its column."""

    def add_fields(self, form: ModelForm[Any], index: int | None) -> None:
        super().add_fields(form, index)
        for cell in form.visible_fields():
            # The admin wraps a choice in links to what can be chosen: the name is the choice's.
            widget: Widget = cell.field.widget
            getattr(widget, "widget", widget).attrs["aria-label"] = capfirst(cell.label)


class NamedMoments:
    """For an admin class: both fields of a moment say of which moment they are the day or time."""

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field and isinstance(field.widget, AdminSplitDateTime):
            names = (pgettext("of a moment", "day"), pgettext("of a moment", "time"))
            for part, name in zip(field.widget.widgets, names, strict=True):
                part.attrs["aria-label"] = f"{field.label}: {name}"
        return field
