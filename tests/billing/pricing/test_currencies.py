"""Money is rounded in one place."""

from decimal import Decimal

import pytest

from billing.pricing.currencies import UnknownCurrency, round_amount


class TestRoundAmount:
    @pytest.mark.parametrize(
        ("amount", "currency", "rounded"),
        [
            ("0.125", "EUR", "0.13"),
            ("-0.125", "EUR", "-0.13"),
            ("0.1249999999999999999999999999999999", "EUR", "0.12"),
            ("1.5", "JPY", "2"),
            ("1.0005", "KWD", "1.001"),
            ("1.0005", "IQD", "1.001"),  # three places by ISO 4217, whatever is in use
            ("1.005", "RSD", "1.01"),
            ("1.23456", "CLF", "1.2346"),
            ("9" * 60 + ".995", "EUR", "1" + "0" * 60 + ".00"),
        ],
    )
    def test_is_half_up_to_the_minor_unit(self, amount: str, currency: str, rounded: str) -> None:
        assert str(round_amount(Decimal(amount), currency)) == rounded

    @pytest.mark.parametrize("currency", ["CREDITS", "eur", ""])
    def test_refuses_what_is_no_currency(self, currency: str) -> None:
        with pytest.raises(UnknownCurrency):
            round_amount(Decimal(1), currency)
