"""Reads what the firm's words mean: definitions.yaml, checked against the entities when loaded."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from hub import entity
from hub.errors import ConfigurationWrong

FILE = Path(__file__).parent / "definitions.yaml"


class Definition(BaseModel):
    """What a word means, and how its number comes about."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rows: list[str] = []
    means: str
    formula: str
    uses: list[str]  # entity.field
    unlike: str


def read(path: Path = FILE) -> dict[str, Definition]:
    """Every definition by its word. Raises ConfigurationWrong when it uses a field that no entity has."""
    try:
        definitions = {word: Definition.model_validate(each) for word, each in yaml.safe_load(path.read_text()).items()}
    except ValidationError as wrong:
        raise ConfigurationWrong(f"{path.name}: {wrong}; see the head of the file for the form") from wrong
    for word, each in definitions.items():
        for use in each.uses:
            name, _, field = use.partition(".")
            if field not in getattr(entity.all_entities().get(name), "fields", {}):
                raise ConfigurationWrong(f"{path.name} {word}: no field {use}; see docs/entities.md for those there are")
    return definitions
