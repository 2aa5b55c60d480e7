"""Tax and registration numbers that keep their countries' check-digit rules (as python-stdnum knows them), of invented holders."""

from random import Random

from stdnum import exceptions
from stdnum.at import uid as at_uid
from stdnum.ch import uid as ch_uid
from stdnum.de import vat as de_vat
from stdnum.fr import tva as fr_tva
from stdnum.gb import vat as gb_vat
from stdnum.nl import btw as nl_btw
from stdnum.us import ein as us_ein

RULES = {"DE": de_vat, "AT": at_uid, "CH": ch_uid, "FR": fr_tva, "GB": gb_vat, "NL": nl_btw, "US": us_ein}
FORMS = {
    "DE": "DE#########",
    "AT": "ATU########",
    "CH": "CHE#########",
    "FR": "FR###########",
    "GB": "GB#########",
    "NL": "NL#########B##",
    "US": "#########",
}
REGISTERS = {
    "DE": "HRB ######",
    "AT": "FN ######a",
    "CH": "CH-###.#.###.###-#",
    "FR": "RCS #########",
    "GB": "0#######",
    "NL": "KVK ########",
    "US": "C#######",
}


def tax_id(draw: Random, country: str) -> str:
    """A number whose check digits are right: drawn until it is."""
    while not valid(number := _filled(draw, FORMS[country]), country):
        pass
    return number


def valid(number: str, country: str) -> bool:
    try:
        return bool(RULES[country].validate(number))
    except exceptions.ValidationError:
        return False


def registration_number(draw: Random, country: str) -> str:
    return _filled(draw, REGISTERS[country])


def _filled(draw: Random, form: str) -> str:
    return "".join(str(draw.randint(1, 9)) if sign == "#" else sign for sign in form)
