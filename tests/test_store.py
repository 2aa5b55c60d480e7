"""What several connections to one file share."""

from hub import store


def test_a_second_connection_knows_the_functions_for_text_also_when_the_first_has_closed(tmp_path):
    first = store.connect(tmp_path / "hub.duckdb")
    second = store.connect(tmp_path / "hub.duckdb")
    first.close()

    assert second.execute("SELECT latin('Москва'), has_right_check_digits('DE811234567')").fetchone() == ("moskva", False)
    second.close()
