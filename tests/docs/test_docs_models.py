"""The page of models is what their cards say."""

from __future__ import annotations

from results.shipping import page


def test_the_page_is_drawn_from_the_cards() -> None:
    assert page.PAGE.read_text("utf-8") == page.text()
