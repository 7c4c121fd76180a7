"""No two organisations answer to one name: the database itself sees to it, past all forms."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from catacloud.accounts.models import Organisation
from catacloud.accounts.organisations import create_missing
from tests.factories import make_organisation
from tests.races import run_at_once

pytestmark = pytest.mark.django_db
REFUSED = "The external key of an organisation is not the slug of another"


@pytest.fixture
def globex():
    return make_organisation("Globex")


def rename(organisation, **names):
    with transaction.atomic():
        Organisation.objects.filter(pk=organisation.pk).update(**names)


def test_an_external_key_is_not_the_slug_of_another(acme, globex):
    with pytest.raises(IntegrityError, match=REFUSED):
        rename(globex, external_key="acme")


def test_a_slug_is_not_the_external_key_of_another(acme, globex):
    rename(globex, external_key="customer-7")
    with pytest.raises(IntegrityError, match=REFUSED):
        rename(acme, slug="customer-7")
    with pytest.raises(IntegrityError, match=REFUSED):
        make_organisation("customer-7")


def test_both_may_be_one_of_the_same_organisation(acme, globex):
    rename(acme, external_key="acme")
    rename(globex, external_key="customer-7")
    rename(globex, slug="customer-7")
    names = Organisation.objects.order_by("slug").values_list("slug", "external_key")
    assert list(names) == [("acme", "acme"), ("customer-7", "customer-7")]


def test_who_goes_by_a_name_already_is_not_made_anew(acme):
    rename(acme, external_key="customer-7")
    create_missing(["Acme", "Customer 7", "Tern"], now=timezone.now())
    assert sorted(Organisation.objects.values_list("slug", flat=True)) == ["acme", "tern"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_are_given_one_name_at_once_one_is(acme, globex):
    raised = run_at_once(
        lambda: rename(acme, slug="tern"),
        lambda: rename(globex, external_key="tern"),
        expected=IntegrityError,
    )
    assert len(raised) == 1
