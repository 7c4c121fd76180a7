"""Queries of models that are worked out once, for readers that are asked again and again.

Django takes longer to make a statement of a query than PostgreSQL to answer it. A function that
makes one of named places is asked for it once in a process; then its values are put in::

    @prepared
    def discounts_of(owners: Slot, day: Slot) -> QuerySet[Discount]:
        return Discount.objects.filter(organisation=any_of(owners), starts_on__lte=day)

    [rows] = yield [discounts_of(owners=[acme.pk], day=today)]

What is asked must be the same whatever the values are: a value of None is compared as NULL is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from inspect import signature
from typing import Any

from django.db import connection
from django.db.models import Field, QuerySet, Value
from django.db.models.query import ModelIterable


class Slot(Value):
    """A place for a value, which a lookup takes as it takes any other."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class _AnyOf(Slot):
    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "ANY(%s)", (self,)


def any_of(slot: Slot) -> Slot:
    """Return a place for a list, of which one is to be equal."""
    return _AnyOf(slot.value)


@dataclass(frozen=True)
class Statement:
    """What a query comes to. Its parameters are values, or places for them."""

    sql: str
    params: Sequence[Any]
    fields: "Sequence[Field[Any, Any]]"
    queryset: QuerySet[Any, Any]

    @cached_property
    def named_sql(self) -> str:
        """The statement with places that have names: the parameters' numbers."""
        places = tuple(f"%({number})s" for number in range(len(self.params)))
        return self.sql.replace("%%", "%%%%") % places

    @cached_property
    def make(self) -> Callable[[Sequence[Any]], Any]:
        """What makes a row of its columns: a tuple, or an instance with what is annotated."""
        if not issubclass(self.queryset._iterable_class, ModelIterable):
            return tuple
        model = self.queryset.model
        own = [field.attname for field in model._meta.concrete_fields]
        annotated = list(self.queryset.query.annotation_select)

        def make(values: Sequence[Any]) -> Any:
            row = model.from_db(connection.alias, own, values[: len(own)])
            for name, value in zip(annotated, values[len(own) :], strict=True):
                setattr(row, name, value)
            return row

        return make


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement, and what is to be put into its places."""

    statement: Statement
    values: Mapping[str, Any]

    @property
    def params(self) -> list[Any]:
        each = self.statement.params
        return [self.values[one.value] if isinstance(one, Slot) else one for one in each]


def statement_of(queryset: QuerySet[Any, Any]) -> Statement:
    """Work it out. Raises ValueError for what is related, EmptyResultSet for what has no rows."""
    if queryset.query.select_related:
        raise ValueError("What is related is asked for by itself: it may be in the same round.")
    # Not the proxy, which a compiler would ask two thousand times for a page's queries.
    compiler = queryset.query.get_compiler(connection.alias)
    sql, params = compiler.as_sql()
    fields = [expression.output_field for expression, _, _ in compiler.select]
    return Statement(sql, params, fields, queryset)


def prepared(make: Callable[..., QuerySet[Any, Any]]) -> Callable[..., Prepared]:
    """Let a query be made of places once; each call, with values by name, is a query of these."""

    @cache
    def statement() -> Statement:
        return statement_of(make(**{name: Slot(name) for name in signature(make).parameters}))

    @wraps(make)
    def with_values(**values: Any) -> Prepared:
        return Prepared(statement(), values)

    return with_values
