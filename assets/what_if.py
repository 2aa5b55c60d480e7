"""What other rules would do, before they are in force: two copies of the hub, one under the rules of today, one under the others.

Both copies take the same steps that a turn takes, so that what is predicted is what then happens.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from assets import correct, hub_file
from assets.understand import understand
from hub import entity, firm, journal, rule_history, rules, store
from hub.controls import Controls
from hub.errors import ConfigurationWrong
from hub.firm import Firm
from hub.journal import Journal
from hub.matching import Matching
from reconcile import prediction
from reconcile.prediction import Prediction


def predict(live: Firm, entries: Journal, file: Path) -> Prediction:
    """What would become different if this file's rules were in force. Nothing of the firm is touched.

    file  an ownership.yaml, a system.yaml, an identity/ENTITY.yaml, a policies.yaml or a controls.yaml: what it holds tells which

    Raises ConfigurationWrong for a file that is none of these, or whose rules don't hold together.
    """
    with tempfile.TemporaryDirectory(dir=live.state, prefix=".what-if-") as name:
        folder = Path(name).resolve()
        other = _with(live, file, folder / "rules")
        copied = store.publish(live.hub_file, folder, "copy")
        for side, lives_by in (("before", live), ("after", other)):
            _build(replace(lives_by, state=folder / side, journal_said=""), live, copied, entries, folder / f"{side}-rows")
        return prediction.compare(folder / "before-rows", folder / "after-rows")


def unread(live: Firm, file: Path) -> list[str]:
    """Fields that a changed system.yaml asks for and nobody read yet: what they hold can't be predicted."""
    with tempfile.TemporaryDirectory() as folder:
        other = _with(live, file, Path(folder).resolve())
    known = {
        (name, each.name): set(each.source_fields()) for name, member in live.systems.items() for each in member.system.objects.values()
    }
    asked = {
        (name, each.name): set(each.source_fields()) for name, member in other.systems.items() for each in member.system.objects.values()
    }
    return sorted(f"{system} {each} {path}" for (system, each), paths in asked.items() for path in paths - known.get((system, each), set()))


def _build(side: Firm, live: Firm, copied: Path, entries: Journal, into: Path) -> None:
    """Turn a copy of the hub under the rules of a firm, and write down its rows."""
    side.state.mkdir()
    shutil.copyfile(copied, side.hub_file)
    for part in hub_file.parts(live):
        shutil.copyfile(part, side.state / part.name)
    with journal.open(side.journal) as copy:
        journal.copy(entries, copy)
        understand(side, copy)
        correct.make_plan(side, copy)
    the_rules = rules.of(str(side.folder.resolve()))
    prediction.rows(side.hub_file, [name for name in the_rules.entities if the_rules.is_matched(name)], into)


def _with(live: Firm, file: Path, folder: Path) -> Firm:
    """The firm with a file in the place of the one it would replace."""
    try:
        said = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise ConfigurationWrong(f"{file}: {wrong}; name a YAML file of rules") from wrong
    texts = rule_history.files(str(live.folder.resolve()))
    place = _place(said, file, texts)
    beside = {"policies": live.policies, "controls": live.controls}  # are no rules that tables are built from
    rule_history.write(folder, texts if place in beside else texts | {place: file.read_text()})
    kept = beside | ({place: file.resolve()} if place in beside else {})
    return replace(firm.read(folder), **kept)


def _place(said: Any, file: Path, texts: dict[str, str]) -> str:
    """Which of the firm's files these rules would replace: its name, `policies` or `controls`."""
    if isinstance(said, list):
        return "policies"
    keys = said.keys() if isinstance(said, dict) else set()
    if "system" in keys:
        found = [name for name, text in texts.items() if name.endswith("system.yaml") and yaml.safe_load(text)["system"] == said["system"]]
        if len(found) == 1:
            return found[0]
        raise ConfigurationWrong(f"{file}: {len(found)} systems of the firm are described by {said['system']}; it takes exactly one")
    if keys and keys <= Controls.model_fields.keys():
        return "controls"
    if keys and keys <= Matching.model_fields.keys():
        if file.stem in entity.all_entities():
            return f"identity/{file.stem}.yaml"
        raise ConfigurationWrong(f"{file}: tells how records are matched, but not of what; call it ENTITY.yaml, such as customer.yaml")
    if keys & {*entity.all_entities(), "extends", "cutover"}:
        return rule_history.OWNERSHIP
    raise ConfigurationWrong(
        f"{file}: is no ownership.yaml, system.yaml, identity/ENTITY.yaml, policies.yaml or controls.yaml; see docs/plan.md"
    )
