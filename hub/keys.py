"""Narrow keys: SQL that makes what people write in many ways one text. Two records that mean the same mostly have the same key.

Functions that a matching's keys may call, each with SQL in and SQL out:

form_key           legal form at the end of such a name
organisation_key   name without legal form, accents, case, signs; other scripts in Latin letters
person_key         given name first, also of `Family, Given`; without titles
given_of family_of the first and the last word of such a name; one word alone is a family name
words_key          any text in lower-case words
sound_key          first letter and consonants: what a slip of the ear or the pen mostly leaves
street_key         without blanks and without the word for street
domain_key         of (website, e-mail): the domain, unless anyone can have it
phone_key          the last eight digits: country and area are written or left out
date_key           YYYYMMDD of the usual ways to write a day; the digits of what is no day
number_key         letters and digits alone
slip               whether two texts differ by one letter wrong, missing, too many, or swapped with its neighbour; for levels
"""

import re
from collections.abc import Callable
from functools import cache

from cleanco import termdata

from hub import entity

TITLES = "dr|prof|professor|mr|mrs|ms|miss|sir|herr|frau|dipl|ing|phd|md|mba|jr|sr|esq"
# What the lists of legal forms hold, and what is as often part of a name or the name of a country.
NO_FORM = {"at", "nl", "private", "teo", "uk", "vat"}
LEADING = "ooo|oao|zao|pao|tov|uab|sia|pt|stichting|firma|the"  # forms that stand before the name where they are used
SPELLED = {
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "aktiengesellschaft": "ag",
    "mbh": "gmbh",
    "gesellschaft mbh": "gmbh",
    "gesellschaft mit beschraenkter haftung": "gmbh",
    "kommanditgesellschaft": "kg",
}
DAYS = ("%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y")


def expanded(sql: str) -> str:
    """The SQL of a key with these functions written out."""
    while found := CALL.search(sql):
        said, end = arguments(sql, found.end())
        sql = sql[: found.start()] + FUNCTIONS[found[1]](*said) + sql[end:]
    return sql


def arguments(sql: str, start: int) -> tuple[list[str], int]:
    """What stands between the brackets that open before `start`, split at its commas, and where they have closed."""
    depth, begin, found = 1, start, []
    for at in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        if depth == 0 or (depth == 1 and sql[at] == ","):
            found.append(sql[begin:at].strip())
            begin = at + 1
        if depth == 0:
            return found, at + 1
    raise ValueError(f"a bracket never closes in {sql}")


def folded(text: str) -> str:
    """Lower case, umlauts as two letters, no accents, no dots: how people type a name who have no such keys."""
    bare = f"lower({text})"
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        bare = f"replace({bare}, '{umlaut}', '{letters}')"
    bare = f"strip_accents({bare})"
    # What is as long in bytes as in letters is ASCII: most names are, and need no more than the first case.
    cases = f"""CASE WHEN strlen({text}) = length({text}) THEN lower({text})
      WHEN strlen({bare}) = length({bare}) THEN {bare} ELSE latin({bare}) END"""
    for sign in (".", "''", "’"):
        cases = f"replace({cases}, '{sign}', '')"
    return cases


def words(text: str) -> str:
    # The single blanks between words, which are most of what is no letter, are left alone.
    spaced = f"regexp_replace({folded(text)}, '[^a-z0-9 ]+', ' ', 'g')"
    return f"nullif(trim({single_blanks(spaced)}), '')"


def single_blanks(text: str) -> str:
    return f"regexp_replace({text}, '  +', ' ', 'g')"


def organisation(text: str) -> str:
    anywhere = "|".join(sorted(entity.codes("legal_form"), key=len, reverse=True))
    short = f"regexp_replace(words_key({text}), '( ({_forms()}))+$|^({LEADING}) ', '', 'g')"
    bare = f"regexp_replace({short}, '\\b({anywhere}|and|und|et)\\b', ' ', 'g')"
    # A name that is nothing but such words keeps them.
    return f"coalesce(nullif(trim({single_blanks(bare)}), ''), words_key({text}))"


@cache
def _forms() -> str:
    """Legal forms of all countries that cleanco knows, as words; what stands anywhere in a name is in codes/legal_form.yaml."""
    known = (termdata.terms_by_country, termdata.terms_by_type)
    terms = {*SPELLED, *SPELLED.values()} | {
        " ".join(re.findall(r"[a-z0-9]+", re.sub(r"[.']", "", each.lower()))) for one in known for each in sum(one.values(), [])
    }
    return "|".join(sorted({each for each in terms if len(each) > 1} - NO_FORM, key=lambda each: (-len(each), each)))


def form(text: str) -> str:
    """The legal form at the end of a name, under one of its spellings."""
    found = f"ltrim(regexp_extract(words_key({text}), ' (?:{_forms()})$'))"  # whole: a part of what is found takes RE2 four times as long
    spelled = " ".join(f"WHEN '{long}' THEN '{short}'" for long, short in SPELLED.items())
    return f"CASE {found} {spelled} WHEN '' THEN NULL ELSE {found} END"


def person(text: str) -> str:
    turned = f"regexp_replace({text}, '^([^,]+),(.+)$', '\\2 \\1')"
    return f"nullif(trim(regexp_replace(' ' || words_key({turned}) || ' ', ' ({TITLES})( ({TITLES}))* ', ' ', 'g')), '')"


def given_of(text: str) -> str:
    return f"nullif(regexp_extract(person_key({text}), '^(\\S+) ', 1), '')"


def family_of(text: str) -> str:
    return f"nullif(regexp_extract(person_key({text}), '(\\S+)$', 1), '')"


def sound(text: str) -> str:
    return f"nullif(left({text}, 1) || regexp_replace(substr({text}, 2), '[^bcdfgjklmnpqrstvxz]', '', 'g'), '')"


def street(text: str) -> str:
    joined = f"replace(words_key({text}), ' ', '')"
    return f"nullif(regexp_replace({joined}, '(strasse|street|avenue|straat|road|str|ave|st|rd)(\\d*)$', '\\2'), '')"


def domain(website: str, email: str) -> str:
    free = ", ".join(f"'{each}'" for each in entity.codes("free_mail"))
    found = f"coalesce({website}, nullif(regexp_extract({email}, '@(.+)$', 1), ''))"
    return f"CASE WHEN {found} NOT IN ({free}) THEN {found} END"


def phone(text: str) -> str:
    digits = f"regexp_replace({text}, '[^0-9]', '', 'g')"
    return f"CASE WHEN length({digits}) > 5 THEN right({digits}, 8) END"


def day(text: str) -> str:
    tried = ", ".join(f"'{each}'" for each in DAYS)
    found = f"coalesce(try_strptime({text}, [{tried}]), try_cast({text} AS TIMESTAMP))"
    return f"coalesce(strftime({found}, '%Y%m%d'), nullif(regexp_replace({text}, '[^0-9]', '', 'g'), ''))"


def number(text: str) -> str:
    return f"nullif(upper(regexp_replace({text}, '[^0-9A-Za-z]', '', 'g')), '')"


def slip(one: str, other: str) -> str:
    # Damerau's distance takes six times as long as Levenshtein's, to which a swap is two steps.
    return f"(abs(length({one}) - length({other})) <= 1 AND levenshtein({one}, {other}) <= 2 AND damerau_levenshtein({one}, {other}) <= 1)"


FUNCTIONS: dict[str, Callable[..., str]] = {
    "sound_key": sound,
    "given_of": given_of,
    "family_of": family_of,
    "person_key": person,
    "organisation_key": organisation,
    "form_key": form,
    "street_key": street,
    "words_key": words,
    "domain_key": domain,
    "phone_key": phone,
    "date_key": day,
    "number_key": number,
    "slip": slip,
}
CALL = re.compile(rf"\b({'|'.join(FUNCTIONS)})\(")
