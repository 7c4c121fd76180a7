"""The numbers of companies and accounts are checked by their own digits."""

import pytest
from django.core.exceptions import ValidationError

from billing.invoicing.legal import (
    validate_bic,
    validate_country,
    validate_iban,
    validate_vat_id,
)


@pytest.mark.parametrize("vat_id", ["DE123456788", "EL094259216", "CHE123456788MWST", "GB1"])
def test_a_vat_id_may_be_right_or_from_outside_the_eu(vat_id):
    validate_vat_id(vat_id)


@pytest.mark.parametrize("vat_id", ["DE123456789", "EL094259217", "GR094259217"])
def test_a_vat_id_of_the_eu_with_a_wrong_digit_is_refused(vat_id):
    with pytest.raises(ValidationError, match="is no VAT id"):
        validate_vat_id(vat_id)


@pytest.mark.parametrize(
    ("validate", "right", "wrong"),
    [
        (validate_iban, "DE89370400440532013000", "DE89370400440532013001"),
        (validate_bic, "COBADEFFXXX", "COBA"),
        (validate_country, "DE", "XY"),
    ],
)
def test_other_numbers_are_checked_as_well(validate, right, wrong):
    validate(right)
    with pytest.raises(ValidationError, match=wrong):
        validate(wrong)
