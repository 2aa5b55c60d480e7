"""What a person is told of lines that they consent to at once."""

from decimal import Decimal

from reconcile import consent
from reconcile.plan import Line


def line(number, money=None, want='{"phone":"2"}', eyes=1, field="phone"):
    return Line(
        f"L{number}",
        "D",
        "update",
        "customer",
        "C",
        "erp",
        "Customer",
        str(number),
        field,
        '{"phone":"1"}',
        want,
        "",
        money=money,
        currency=money and "EUR",
        eyes=eyes,
    )


def test_consent_to_many_lines_says_how_many_of_what_and_which_is_the_worst():
    lines = [line(1), line(2), line(3, Decimal("10.50"), field="terms"), line(4, Decimal("1200"), field="terms")]

    told = consent.summary(lines)

    assert told == {
        "groups": [
            {"system": "erp", "object": "Customer", "what": "phone", "currency": None, "lines": 2, "money": None},
            {"system": "erp", "object": "Customer", "what": "terms", "currency": "EUR", "lines": 2, "money": Decimal("1210.50")},
        ],
        "worst": 'erp Customer 4 terms: {"phone":"1"} -> {"phone":"2"} (EUR 1,200.00 at stake)',
    }


def test_of_lines_without_money_the_worst_is_the_one_that_empties_a_field():
    told = consent.summary([line(1), line(2, want='{"phone":null}'), line(3, eyes=2)])

    assert told["worst"].startswith("erp Customer 2 phone")
