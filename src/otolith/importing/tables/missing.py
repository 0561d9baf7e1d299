"""Texts in place of a value that is missing, as programs and people write them."""

from __future__ import annotations

WORDS = frozenset((
    "nan", "+nan", "-nan", "nan(ind)", "-nan(ind)", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "1.#inf", "-1.#inf",
    "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity", "na", "n/a", "n.a.", "<na>", "#na", "#n/a", "#n/a n/a",
    "#value!", "#null!", "#num!", "#div/0!", "#ref!", "#wert!", "#nv", "null", "(null)", "none", "nil", "nat",
    "undefined", "missing", "\\n",
))  # fmt: skip
"""Words, in small letters."""
MISSING = WORDS | {"", "∞", "-∞", "+∞", "-", "--", "---", "–", "—", "?", "??", "???", ".", "..", "...", "…", "*", "**",
                   "***"}  # fmt: skip
"""These words and signs; a row with one of them holds no sample of that sensor."""
