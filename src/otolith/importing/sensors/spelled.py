"""Activities as codes in one column of a table and as words in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otolith.importing.naming.words import LABEL_WORDS, words_of
from otolith.importing.tables.layout import is_number

CODES = ("id", "code", "index", "idx", "number", "num", "nr", "no")
"""Endings of names of columns of codes."""
SPELLED = ("name", "names", "text", "txt", "string", "str", "word", "words", "description", "desc", "title", "meaning")
"""Endings of names of columns that spell them out."""


def spelled_out(label: str, cells: Mapping[str, Sequence[str]]) -> str:
    """Return the column of words beside a column of codes, such as `label_text` beside `label`; else the same.

    Another column of activities counts, too. Each code has to stand beside one word alone.

    Args:
        label: a column of activities.
        cells: the first rows' cells of each column.

    >>> spelled_out("label", {"label": ["1", "1", "2"], "label_text": ["walk", "walk", "sit"]})
    'label_text'
    >>> spelled_out("label", {"label": ["1", "1", "2"], "note": ["battery low", "", ""]})
    'label'
    """
    said = [cell for cell in cells[label] if cell]
    if not said or not all(map(is_number, said)):
        return label
    codes = _joined(label)
    stems = {codes, *(codes.removesuffix(ending) for ending in CODES)} - {""}
    wanted = {stem + ending for stem in stems for ending in SPELLED} | (stems - {codes})
    besides = [column for column in cells if column != label and _joined(column) in wanted]
    besides += [column for word in LABEL_WORDS for column in cells if words_of(column) == word]
    return next((column for column in besides if _names(cells[label], cells[column])), label)


def _joined(column: str) -> str:
    """Return the letters of a column's name."""
    return words_of(column).replace(" ", "")


def _names(codes: Sequence[str], words: Sequence[str]) -> bool:
    """Tell if each code stands beside one word alone, or where a word is missing, beside none."""
    pairs = {(code, word) for code, word in zip(codes, words, strict=True) if code and word}
    said = [code for code, _ in pairs]
    return bool(pairs) and len(set(said)) == len(said) and not any(is_number(word) for _, word in pairs)
