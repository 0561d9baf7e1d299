"""Encodings of texts that are not Unicode: told by the words of headers that they make sense of."""

from __future__ import annotations

import re

from otolith.errors import DataError
from otolith.importing.naming.words import (
    GRAVITY_WORDS,
    LABEL_WORDS,
    LINEAR_WORDS,
    SENSOR_WORDS,
    SUBJECT_WORDS,
    TIME_WORDS,
    unaccented,
)

FALLBACK = "cp1252"
"""Windows-1252, in which Western programs write."""
OTHERS = ("gb18030", "shift_jis", "euc_kr", "big5", "cp1251", "cp1250")
"""Encodings of programs elsewhere, in the order in which they are tried."""
HEAD = 4000
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes that no text holds, in any encoding but UTF-16."""
_KNOWN = frozenset(
    word
    for words in (*SENSOR_WORDS.values(), LINEAR_WORDS, GRAVITY_WORDS, TIME_WORDS, LABEL_WORDS, SUBJECT_WORDS)
    for word in words
)
_FAR = tuple(word for word in _KNOWN if re.match(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}", word))


def decode(where: str, content: bytes) -> tuple[str, list[tuple[str, int]]]:
    """Return the text in a file's bytes, its lines ended by a line feed, and the repairs that took.

    Raises:
        DataError: it is no text; names file and line.
    """
    repairs: list[tuple[str, int]] = []
    try:
        text = content.decode(unicode_of(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if error.encoding.startswith("utf-16"):
            raise DataError(
                f"{where}: begins as UTF-16 text and goes on otherwise ({error.reason}). Export it again."
            ) from error
        name = encoding_of(content)
        said = "Windows-1252" if name == FALLBACK else name
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            raise DataError(f"{where}, line {line}: is neither UTF-8 nor {said} text. Export it again.") from error
        repairs.append((f"read as {said}, since line {line} is not UTF-8", 1))
    whole = text.rstrip("\0")
    if whole and len(whole) < len(text):
        left_out = len(text) - len(whole)
        repairs.append((f"{left_out:,} NUL(s) at the end, as a lost power supply leaves them, were left out", left_out))
        text = whole
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise DataError(f"{where}, line {line}: holds a NUL, which no text does. Export it again.")
    return text.replace("\r\n", "\n").replace("\r", "\n"), repairs


def unicode_of(content: bytes) -> str:
    """Return the encoding of Unicode that a text's first bytes show: by its mark, or by a NUL beside each character.

    >>> unicode_of("time,x".encode("utf-16-le")), unicode_of("time,x".encode("utf-16")), unicode_of(b"time,x")
    ('utf-16-le', 'utf-16', 'utf-8-sig')
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    head = content[:HEAD]
    first, second = head[::2], head[1::2]
    for name, low, high in (("utf-16-le", first, second), ("utf-16-be", second, first)):
        if len(high) > 2 and high.count(0) > len(high) / 2 and not CONTROLS.search(low):
            return name
    return "utf-8-sig"


def encoding_of(content: bytes) -> str:
    """Return the encoding in which most words of a text's beginning are known; Windows-1252 where none does better.

    >>> encoding_of("时间,加速度X,加速度Y".encode("gbk")), encoding_of("Zeit;Tätigkeit".encode("cp1252"))
    ('gb18030', 'cp1252')
    """
    head = content[:HEAD]
    counts = {name: _known_words(head.decode(name, errors="replace")) for name in (FALLBACK, *OTHERS)}
    return max(counts, key=lambda name: counts[name])  # of equals the first


def _known_words(text: str) -> int:
    """Return how many words with letters beyond ASCII are known."""
    words = [word for word in re.findall(r"[^\W\d_]+", text.lower()) if not word.isascii()]
    return sum((len(word) > 2 and unaccented(word) in _KNOWN) or any(far in word for far in _FAR) for word in words)
