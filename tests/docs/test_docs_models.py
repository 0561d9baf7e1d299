"""The page of models and the licences beside them are what their cards say."""

from __future__ import annotations

from otolith.model import place
from results.shipping import page


def test_page_and_licences_are_drawn_from_the_cards() -> None:
    written = page.written()
    assert len(written) == 1 + len(place.names()) > 2
    for path, text in written.items():
        assert path.read_text("utf-8") == text, path.name
