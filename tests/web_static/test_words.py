"""The catalogue: complete, compiled, with the same gaps; and its two doors, pairs in and dictionary out."""

from __future__ import annotations

import pytest

from desk import translations


def test_every_phrase_in_use_has_a_german_one() -> None:
    missing = [f"{used.msgid} ({used.path}:{used.line})" for used in translations.list_missing("de")]
    assert missing == []


def test_compiled_catalogue_is_as_new_as_the_readable_one() -> None:
    assert translations.is_compiled("de")


def test_translations_fill_the_same_gaps() -> None:
    assert translations.list_unlike("de") == []


def test_phrases_of_scripts_templates_and_errors_are_found() -> None:
    places = {used.msgid: used.path for used in translations.list_used()}
    assert places["Your decision was not carried out."].startswith("desk/static/js/")
    assert places["Skip to content"] == "templates/base.html"
    assert places["Somebody was faster."] == "desk/errors.py"
    assert ("%(num)s message", "%(num)s messages") in places


def test_pairs_are_read_from_two_or_four_columns() -> None:
    one, many = translations.read_pairs(["Save\tSpeichern\n", "\n", "one\tmany\teins\tviele\n"])
    assert (one.msgid, one.msgstr) == ("Save", "Speichern")
    assert (many.msgid, many.msgstr) == (("one", "many"), ("eins", "viele"))


@pytest.mark.parametrize("line", ["only one column", "a\t", "a\tb\tc"])
def test_a_line_with_other_columns_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        translations.read_pairs(["Save\tSpeichern", line])


def test_scripts_get_plain_words_and_both_forms_of_counted_ones() -> None:
    words = translations.dictionary("de")
    assert words["Shortlist"] == "Vormerken"
    assert words["%(num)s message"] == ["%(num)s Nachricht", "%(num)s Nachrichten"]
    assert translations.dictionary("en") == {}
