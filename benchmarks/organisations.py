"""Organisations as five systems keep them: invented, made in SQL from numbers alone, with who is who beside.

Three in five systems hold each one on the average, in their own spelling: other legal forms, slips of the pen, a moved
office, half of the fields missing. Every twentieth belongs to a group whose companies share brand, domain and switchboard.
"""

import duckdb

SYLLABLES = "['ba','ce','di','fo','gu','ha','je','ki','lo','mu','na','pe','qui','ro','su','ta','ve','wi','xo','yu','bran','clem','dorn','fels','grim','holm','jost','karl','lind','mohr']"
TRADES = "['Logistik','Consulting','Energie','Systems','Bau','Services','Pharma','Medien','Holding','Software','Technik','Handel']"


def _word(seed: str, salt: int, parts: int) -> str:
    return " || ".join(f"{SYLLABLES}[1 + (hash({seed}, {salt + part}) % 30)::INT]" for part in range(parts))


# The check digit of a German VAT number: ISO 7064, modulus 11,10, as python-stdnum has it.
CHECK = """((11 - list_reduce(list_prepend(10, list_transform(range(1, 9), lambda k: substr(eight, k, 1)::INT)),
  lambda p, d: (2 * CASE WHEN (d + p) % 10 = 0 THEN 10 ELSE (d + p) % 10 END) % 11)) % 10)::VARCHAR"""

MAKE = f"""
CREATE TABLE organisation AS
WITH numbered AS (
  SELECT i, if(i % 20 = 1, i - 1, i) AS brand, ({{start}} + i) AS n, lpad((10000000 + hash(i, 3) % 89999999)::VARCHAR, 8, '0') AS eight FROM range({{start}}, {{end}}) AS t(i)
)
SELECT i AS id, upper(left({_word("brand", 10, 1)}, 1)) || substr({_word("brand", 10, 1)}, 2) || {_word("brand", 20, 3)} AS one,
  if(hash(i, 4) % 3 = 0 OR brand <> i, {TRADES}[1 + (hash(i, 5) % 12)::INT], {_word("i", 30, 2)}) AS two, brand,
  'DE' || eight || {CHECK} AS vat, lpad((hash(brand, 6) % 100000000)::VARCHAR, 8, '0') AS digits, hash(i, 7) % 8000 AS zip,
  {_word("hash(i, 9) % 20000", 40, 3)} AS street, 1 + hash(i, 8) % 200 AS house FROM numbered;
CREATE TABLE record AS
SELECT id AS truth, 's' || s || ':Account:' || id AS record_ref, 's' || s || ':Account' AS source, NULL::VARCHAR AS hub_id_said,
  CASE WHEN hash(id, s, 1) % 33 = 0 THEN left(one, 2) || substr(one, 4, 1) || substr(one, 3, 1) || substr(one, 5) WHEN hash(id, s, 1) % 33 = 1 THEN left(one, length(one) - 1) ELSE one END
    || if(hash(id, s, 2) % 40 = 0, '-', ' ') || two || [' GmbH', ' Gesellschaft mbH', '', ' gmbh', ' GmbH'][1 + (hash(id, s, 3) % 5)::INT] AS legal_name,
  NULL::VARCHAR AS trade_name, if(hash(id, s, 4) % 10 < 6, NULL, vat) AS tax_id, NULL::VARCHAR AS registration_number,
  if(hash(id, s, 5) % 10 < 4, NULL, lower(one) || brand || '.example') AS website, if(hash(id, s, 6) % 10 < 5, NULL, 'info@' || lower(one) || brand || '.example') AS email,
  if(hash(id, s, 7) % 10 < 3, NULL, '+4930' || digits) AS phone,
  if(hash(id, s, 8) % 5 = 0, NULL, street || if(s % 2 = 0, 'str. ', 'strasse ') || if(hash(id, s, 9) % 20 = 0, house + 1, house)) AS billing_address_street,
  if(hash(id, s, 8) % 5 = 0, NULL, 'City ' || zip % 900) AS billing_address_city, if(hash(id, s, 8) % 5 = 0, NULL, lpad((zip * 11)::VARCHAR, 5, '0')) AS billing_address_postcode, 'DE' AS billing_address_country, NULL::VARCHAR AS parent_ref
FROM organisation, range(5) AS t(s) WHERE hash(id, s) % 10 < 6;
"""


def make(connection: duckdb.DuckDBPyConnection, records: int) -> None:
    """The tables organisation and record; `record` has about so many rows, as canonical.customer has columns, and `truth`."""
    connection.execute(MAKE.format(start=0, end=records // 3))


def edit(connection: duckdb.DuckDBPyConnection, turn: int) -> None:
    """Change one record in a hundred: another phone, another name, a tax number that tells two apart; the table `edited` says which."""
    connection.execute(
        f"CREATE OR REPLACE TABLE edited AS SELECT record_ref, hash(record_ref, {turn}) % 4 AS how FROM record WHERE hash(record_ref, {turn}, 1) % 100 = 0"
    )
    for how, change in enumerate(CHANGES):
        connection.execute(
            f"UPDATE record SET {change.format(turn=turn)} FROM edited AS e WHERE e.record_ref = record.record_ref AND e.how = {how}"
        )


CHANGES = (
    "phone = '+4940' || lpad((hash(record.record_ref, {turn}) % 100000000)::VARCHAR, 8, '0')",
    "legal_name = legal_name || ' Nord'",
    "tax_id = 'DE' || (100000000 + hash(record.record_ref, {turn}) % 899999999)::VARCHAR",  # of its own: what was one splits
    "billing_address_street = 'Neue Gasse ' || (1 + hash(record.record_ref, {turn}) % 99)",
)
