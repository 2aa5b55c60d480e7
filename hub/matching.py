"""Reads how records of an entity are matched: keys, blocks, comparison levels with their trained m and u."""

from functools import cache
from math import log2
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field as Setting, ValidationError

from hub import entity
from hub.errors import ConfigurationWrong

FOLDER = Path(__file__).parent / "identity"


class Level(BaseModel):
    """One way in which two records may compare. m: how often among matches; u: how often among others (Fellegi and Sunter)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    when: str = ""  # SQL on l and r; the last level has none
    m: float = Setting(gt=0, le=1)
    u: float = Setting(gt=0, le=1)

    @property
    def weight(self) -> float:
        return log2(self.m / self.u)


class Comparison(BaseModel):
    """Levels from best to worst; a key that says nothing on either side has no weight."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    on: tuple[str, ...]
    levels: tuple[Level, ...]


class Matching(BaseModel):
    """How records of one entity are matched."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    keys: dict[str, str]
    blocks: tuple[tuple[str, ...], ...]
    sure: tuple[tuple[str, ...], ...] = ()
    sure_finds: float = Setting(default=1, gt=0, le=1)
    link: float
    needs: tuple[str, ...] = ()
    review: float
    prior: float
    comparisons: dict[str, Comparison] = {}

    def key_sql(self) -> dict[str, str]:
        """SQL of each key, with organisation_key(...), person_key(...) and street_key(...) written out."""
        written = dict(self.keys)
        for function, sql in FUNCTIONS.items():
            written = {name: _expand(expression, function, sql) for name, expression in written.items()}
        return written


@cache
def read(name: str, folder: Path = FOLDER) -> Matching:
    """The matching of an entity: of the firm when its `folder` has one, else ours. Without either, its strong keys alone decide."""
    path = source(name, folder)
    strong = entity.all_entities()[name].identity.strong
    if not path.exists():
        return Matching(keys={each: each for each in strong}, blocks=tuple((each,) for each in strong), link=0, review=0, prior=0)
    try:
        return Matching.model_validate(yaml.safe_load(path.read_text()))
    except (ValidationError, yaml.YAMLError) as wrong:
        raise ConfigurationWrong(f"identity/{path.name}: {wrong}; see docs/identity.md for the form") from wrong


def source(name: str, folder: Path) -> Path:
    """The file that says how an entity is matched; it need not exist."""
    own = folder / f"{name}.yaml"
    return own if own.exists() else FOLDER / f"{name}.yaml"


def _expand(expression: str, name: str, sql) -> str:
    while (start := expression.find(f"{name}(")) >= 0:
        end = expression.index(")", start)
        expression = expression[:start] + sql(expression[start + len(name) + 1 : end]) + expression[end + 1 :]
    return expression


def _folded(text: str) -> str:
    """Lower case, umlauts as two letters, no accents, no dots: how people type a name who have no such keys."""
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = f"replace({text}, '{umlaut}', '{letters}')"
    return f"regexp_replace(strip_accents({text}), '[.''’]', '', 'g')"


def _organisation(column: str) -> str:
    forms = "|".join(sorted(entity.codes("legal_form"), key=len, reverse=True))
    words = _words(f"lower({column})")
    bare = f"trim(regexp_replace(regexp_replace({words}, '\\b({forms}|and|und|et)\\b', ' ', 'g'), ' +', ' ', 'g'))"
    return f"nullif({bare}, '')"


def _person(column: str) -> str:
    """Given name first, also where a list says family name, comma, given name."""
    turned = f"regexp_replace(lower({column}), '^([^,]+),(.+)$', '\\2 \\1')"
    return f"nullif(trim({_words(turned)}), '')"


def _street(column: str) -> str:
    """Without blanks and without the word for a street, which everyone shortens in another way."""
    joined = f"replace({_words(f'lower({column})')}, ' ', '')"
    return f"nullif(regexp_replace({joined}, '(strasse|street|avenue|straat|str|ave|st)(\\d*)$', '\\2'), '')"


def _words(text: str) -> str:
    return f"regexp_replace({_folded(text)}, '[^a-z0-9]+', ' ', 'g')"


FUNCTIONS = {"organisation_key": _organisation, "person_key": _person, "street_key": _street}
