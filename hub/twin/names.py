"""Invented names of organisations and people, with the addresses, phones and domains that go with them.

Names are put together from word parts. No real company or person is meant; domains end in .example (RFC 2606).
Phone numbers come from the ranges that regulators set aside for fiction where there is one: Ofcom's "numbers for
drama" (UK), 555 numbers (US), Bundesnetzagentur's numbers for the media (DE).
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

WORDS = {name: words.split() for name, words in yaml.safe_load((Path(__file__).parent / "words.yaml").read_text()).items()}
STREETS = {"DE": "{n}straße", "AT": "{n}gasse", "CH": "{n}weg", "FR": "rue de {n}", "GB": "{n} Street", "US": "{n} Avenue", "NL": "{n}laan"}
STREET_WORDS = ("Linden", "Mühlen", "Garten", "Brunnen", "Hafen", "Kirsch", "Birken", "Sonnen", "Wiesen", "Ahorn")
CITIES = {
    "DE": (("Berlin", "10115"), ("Köln", "50667"), ("München", "80331"), ("Düsseldorf", "40213"), ("Hamburg", "20095")),
    "AT": (("Wien", "1010"), ("Graz", "8010"), ("Linz", "4020")),
    "CH": (("Zürich", "8001"), ("Basel", "4051"), ("Bern", "3011")),
    "FR": (("Paris", "75002"), ("Lyon", "69002"), ("Nantes", "44000")),
    "GB": (("London", "EC2A 4BX"), ("Leeds", "LS1 4AP"), ("Bristol", "BS1 5TR")),
    "US": (("Boston", "02110"), ("Chicago", "60604"), ("Austin", "78701")),
    "NL": (("Amsterdam", "1012 AB"), ("Utrecht", "3511 CE")),
}
STATES = {"Boston": "MA", "Chicago": "IL", "Austin": "TX"}
PHONES = {
    "DE": "+493023125{:03d}",
    "AT": "+4315550{:03d}",
    "CH": "+41445550{:03d}",
    "FR": "+33199001{:03d}",
    "GB": "+442079460{:03d}",
    "US": "+16175550{:03d}",
    "NL": "+31205550{:03d}",
}
FORMS = {
    "DE": ("GmbH", "AG", "GmbH & Co. KG", "SE"),
    "AT": ("GmbH", "AG"),
    "CH": ("AG", "GmbH", "SA"),
    "FR": ("SAS", "SARL", "SA"),
    "GB": ("Ltd", "plc", "LLP"),
    "US": ("Inc.", "LLC", "Corp."),
    "NL": ("B.V.", "N.V."),
}
BRANCHES = {  # line of business -> its word in German, English, French
    "Logistics": ("Logistik", "Logistics", "Logistique"),
    "Energy": ("Energie", "Energy", "Énergie"),
    "Software": ("Software", "Software", "Logiciels"),
    "Health": ("Medizintechnik", "Health", "Santé"),
    "Machinery": ("Maschinenbau", "Engineering", "Mécanique"),
    "Insurance": ("Versicherung", "Insurance", "Assurances"),
    "Foods": ("Lebensmittel", "Foods", "Alimentation"),
}
LANGUAGE = {"DE": 0, "AT": 0, "CH": 0, "FR": 2, "GB": 1, "US": 1, "NL": 1}


@dataclass(frozen=True)
class Organisation:
    """The parts of an organisation's name."""

    stem: str
    industry: str
    country: str
    form: str

    @property
    def trade_name(self) -> str:
        return f"{self.stem} {BRANCHES[self.industry][LANGUAGE[self.country]]}"

    @property
    def legal_name(self) -> str:
        return f"{self.trade_name} {self.form}"

    @property
    def domain(self) -> str:
        return f"{slug(self.trade_name)}.example"


def stems(draw: Random) -> list[str]:
    """Every invented stem once, shuffled: the short ones first, which are enough for a firm of usual size."""
    short = [stem + ending for stem in WORDS["stems"] for ending in WORDS["endings"]]
    long = [stem + ending for stem in short for ending in WORDS["endings"]]
    return draw.sample(short, len(short)) + draw.sample(long, len(long))


def people(draw: Random, count: int) -> list[str]:
    """Different names of people; double-barrelled where a large firm needs them."""
    families = WORDS["family"] + [f"{one}-{other}" for one in WORDS["family"] for other in WORDS["family"] if one < other]
    needed = families[: 1 + max(len(WORDS["family"]), count // 20)]
    return draw.sample([f"{given} {family}" for family in needed for given in WORDS["given"]], count)


def person(draw: Random) -> str:
    return f"{draw.choice(WORDS['given'])} {draw.choice(WORDS['family'])}"


def address(draw: Random, country: str) -> dict[str, str | None]:
    """A postal address by part: street, city, postcode, region, country."""
    city, postcode = draw.choice(CITIES[country])
    street, number = STREETS[country].format(n=draw.choice(STREET_WORDS)), draw.randint(1, 180)
    line = f"{number} {street}" if country in ("FR", "GB", "US") else f"{street} {number}"
    return {"street": line, "city": city, "postcode": postcode, "region": STATES.get(city), "country": country}


def phone(draw: Random, country: str) -> str:
    """A phone number in E.164."""
    return PHONES[country].format(draw.randint(100, 999))


def slug(text: str) -> str:
    """Lower-case ASCII with hyphens, umlauts written out."""
    plain = unicodedata.normalize("NFKD", written_out(text)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def written_out(text: str) -> str:
    """Umlauts as ae, oe, ue and ss, as people without the keys write them."""
    return text.translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}))
