"""What makes two spellings of one value equal, by field type: SQL in which {x} is the value as text."""

FORMS = {
    "email": "lower({x})",
    "domain": "regexp_replace(regexp_replace(lower({x}), '^(https?://)?(www\\.)?', ''), '[/?#].*$', '')",
    "phone": "regexp_replace(regexp_replace(replace({x}, '(0)', ''), '[^0-9+]', '', 'g'), '^00', '+')",
    "tax_id": "upper(regexp_replace({x}, '[^0-9A-Za-z]', '', 'g'))",
    "organisation_name": "regexp_replace({x}, '\\s+', ' ', 'g')",
    "person_name": "regexp_replace({x}, '\\s+', ' ', 'g')",
}


def normal(kind: str, text: str) -> str:
    """SQL of a value of this field type in its normal form; NULL when nothing is left of it."""
    return f"nullif({FORMS[kind].format(x=text)}, '')" if kind in FORMS else text
