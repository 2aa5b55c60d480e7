"""Ownership is proved when it is loaded: what nobody could decide by is refused, with what to do."""

import pytest
import yaml

from hub import ownership
from hub.errors import ConfigurationWrong


def read(folder, **fields):
    path = folder / "ownership.yaml"
    together = fields.pop("together", [])
    path.write_text(yaml.safe_dump({"customer": {"believe": ["erp", "crm"], "together": together, "fields": fields}}))
    return ownership.read(path)["customer"]


def test_stand_ins_in_one_list_are_equal_and_the_others_follow_in_order(tmp_path):
    (rule,) = read(tmp_path, phone={"owner": "crm", "else": ["clm", ["erp", "psa"], "legacy"], "by": "recency"}).rules("phone")

    assert rule.ranks == {"crm": 0, "clm": 1, "erp": 2, "psa": 2, "legacy": 3}
    assert rule.order == ("crm", "clm", "erp", "psa", "legacy")
    assert rule.by == "recency"


def test_equals_that_nothing_decides_between_are_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="customer phone: erp, psa has equals; say `by`"):
        read(tmp_path, phone={"owner": "crm", "else": [["erp", "psa"]]})


def test_a_rule_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="source order"):
        read(tmp_path, phone={"owner": "crm", "by": "luck"})


def test_fields_that_go_together_are_chosen_alike(tmp_path):
    chosen = read(tmp_path, together=[["tax_id", "tax_code"]], tax_id={"owner": "erp"}, tax_code={"owner": "erp", "mirror": ["crm"]})

    assert chosen.group("tax_code") == ("tax_id", "tax_code")
    assert chosen.group("phone") == ("phone",)


def test_fields_that_go_together_and_are_chosen_otherwise_are_refused(tmp_path):
    with pytest.raises(ConfigurationWrong, match="tax_code is not chosen as tax_id is"):
        read(tmp_path, together=[["tax_id", "tax_code"]], tax_id={"owner": "crm"})


@pytest.mark.parametrize(
    ("groups", "why"), [([["tax_id", "vat"]], "no field vat"), ([["tax_id", "phone"], ["phone", "email"]], "phone stands in two groups")]
)
def test_a_group_names_fields_once(tmp_path, groups, why):
    with pytest.raises(ConfigurationWrong, match=why):
        read(tmp_path, together=groups)
