"""What may stand in a table that somebody opens with a spreadsheet program."""

from __future__ import annotations

import pytest

from desk.contests import rules


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+49", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "＋1", "－1", "＠x", "\u00a0=1", "\u200b=1",
        "\x00=1", "\n=1", "=HYPERLINK(\"http://x\")",
    ],
)  # fmt: skip
def test_nothing_in_a_cell_begins_like_a_formula(text: str) -> None:
    assert rules.safe_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["Grüße", "", "1+1=2", "a=b", "😀 = froh", "Zeile 1\nZeile 2", "'=x"])
def test_ordinary_text_stays_as_it_was_written(text: str) -> None:
    assert rules.safe_cell(text) == text


def test_characters_no_table_may_hold_are_left_out() -> None:
    assert rules.safe_cell("a\x00b\x0bc\ud800d\ufffee\x85f") == "abcdef"


def test_a_cell_is_never_longer_than_a_spreadsheet_takes() -> None:
    assert len(rules.safe_cell("=" + "x" * 50_000)) <= rules.LONGEST_CELL


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Ruft an: 0221 / 55 12 34 5", "Ruft an: •••"),
        ("+49 (171) 234-5678 bitte", "••• bitte"),
        ("0171.2345678", "•••"),
        ("am 24.12.2026 um 7:45", "am 24.12.2026 um 7:45"),
        ("2026-12-24", "2026-12-24"),
        ("PLZ 50667, Haus 12", "PLZ 50667, Haus 12"),
        ("+٤٩١٧١٢٣٤٥٦٧٨", "•••"),
    ],
)
def test_numbers_in_texts_are_masked_and_dates_are_not(text: str, masked: str) -> None:
    assert rules.mask_numbers(text) == masked


def test_of_a_phone_number_two_digits_are_left() -> None:
    assert rules.mask_number("+491712345678") == "••• 78"
    assert rules.mask_number(None) == ""
    assert rules.mask_number("abc") == "•••"


def test_names_in_an_archive_are_made_of_numbers() -> None:
    assert rules.entry_stem(42, "voice") == "0042-voice"
    assert rules.entry_stem(12345, "../../etc") == "12345-file"
