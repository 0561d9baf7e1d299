"""Mutations: of bytes, of text tables, of JSON trees. Each takes a generator and gives another input."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

INTS = (0, 1, 127, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
TEXTS = (
    *("", " ", "0", "nan", "NaN", "inf", "-inf", "1e308", "-1e400", "1e-320", "−5", "1,5", "9" * 400, "1_000", "0x10"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{7*7}}", "=1+1", "../../outside/evil", "/etc/x"),
    *("..\\..\\evil", "C:\\evil", "a\0b", "\ud800", "\u202e", "°", "é" * 50, "x" * 70_000, "acc_x", "time", "none"),
    *("2026-03-01T10:00:00Z", "99:99:99", "00:00:01.5", "9999-12-31T23:59:59+14:00", "0001-01-01 00:00", "\r", "\n"),
    "a" + " " * 60_000 + "b",
)
NUMBERS = (
    *(0, -1, 1, 2, 1e-320, 1e308, -1e308, 1e9, 1e18, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *(float("nan"), float("inf"), float("-inf"), 0.5, True, 1e-9, 100_000_000),
)
PIECES = (b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\n", b"\r", b'"', b",", b";", b"\t", b"PK\x03\x04")
RAW = ("NaN", "-Infinity", "1e999", "9" * 5000, '"\\ud800"', "[" * 100_000, "null", "{}", "[]", '""', "true", "-0")
"""Texts that stand in place of a JSON value."""


def bytes_of(rng: random.Random, blob: bytes, other: bytes = b"") -> bytes:
    """One to four changes of bytes."""
    out = bytearray(blob)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        length = min(rng.choice((1, 2, 4, 8, 20, 100, 1000)), len(out) - at)
        what = rng.randrange(11)
        if what <= 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            out[at : at + length] = rng.randbytes(length)
        elif what == 3:
            del out[at : at + length]
        elif what == 4:
            out[at:at] = out[at : at + length] * rng.choice((1, 1, 2, 50))
        elif what == 5:
            out[at:at] = rng.choice(PIECES)
        elif what == 6:
            size = rng.choice((2, 4, 8))
            out[at : at + size] = (rng.choice(INTS) % 256**size).to_bytes(size, rng.choice(("little", "big")))
        elif what == 7 and rng.random() < 0.3:
            del out[at:]
        elif what == 8 and other:
            begin = rng.randrange(len(other))
            out[at : at + length] = other[begin : begin + rng.randint(1, 500)]
        elif what == 9 and rng.random() < 0.1:
            out = bytearray(recoded(rng, bytes(out)))
        elif what == 10 and rng.random() < 0.1:
            out = bytearray(rng.choice((b"", rng.randbytes(rng.randrange(400)), b"\0" * rng.randrange(400))))
    return bytes(out)


def recoded(rng: random.Random, blob: bytes) -> bytes:
    """The same text in another encoding, or with other ends of lines."""
    text = blob.decode("utf-8", "replace")
    way = rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "cp1252", "utf-32", "crlf", "cr", "half"))
    if way in ("crlf", "cr"):
        return text.replace("\n", "\r\n" if way == "crlf" else "\r").encode()
    if way == "half":
        return text[: len(text) // 2].encode() + text[len(text) // 2 :].encode("utf-16")
    return text.encode(way, "replace")


def table_of(rng: random.Random, blob: bytes, separator: str = ",") -> bytes:
    """One to three changes of the lines, columns and cells of a table, and now and then of its bytes."""
    rows = [line.split(separator) for line in blob.decode("utf-8", "replace").split("\n")]
    for _ in range(rng.randint(1, 3)):
        rows = rows or [[""]]
        row, what = rng.randrange(len(rows)), rng.randrange(14)
        column = rng.randrange(max(len(rows[0]), 1))
        if what <= 4:
            cells = rows[row] or [""]
            cells[rng.randrange(len(cells))] = _cell(rng)
            rows[row] = cells
        elif what == 5:
            del rows[row : row + rng.choice((1, 1, 3, 1000))]
        elif what == 6:
            rows[row:row] = copy.deepcopy(rows[row : row + rng.choice((1, 2, 40))])
        elif what == 7:
            other = rng.randrange(len(rows))
            rows[row], rows[other] = rows[other], rows[row]
        elif what == 8:
            cell = _cell(rng)
            rows = [[cell if i == column and n else old for i, old in enumerate(each)] for n, each in enumerate(rows)]
        elif what == 9:
            rows = [[old for i, old in enumerate(each) if i != column] for each in rows]
        elif what == 10:
            rows = [[*each, *each[column : column + 1]] for each in rows]
        elif what == 11:
            rows[1:] = rng.choice((rows[:0:-1], rng.sample(rows[1:], len(rows) - 1), sorted(rows[1:])))
        elif what == 12:
            rows[row] = rows[row] * rng.choice((2, 30, 2000)) if len(rows[row]) < 100 else rows[row]
        elif rows[0] and rows[-1]:
            rows[0][rng.randrange(len(rows[0]))] = rng.choice((rng.choice(rows[0]), _cell(rng)))
    joint = separator if rng.random() < 0.97 else rng.choice(",;\t| ")
    out = "\n".join(joint.join(each) for each in rows).encode("utf-8", "surrogatepass")
    return out if rng.random() < 0.8 else bytes_of(rng, out)


def _cell(rng: random.Random) -> str:
    return rng.choice(TEXTS) if rng.random() < 0.6 else repr(rng.choice(NUMBERS) if rng.random() < 0.5 else rng.gauss())


def value(rng: random.Random) -> Any:
    """Any JSON value."""
    kind = rng.randrange(6)
    if kind <= 1:
        return rng.choice(NUMBERS)
    if kind <= 3:
        return rng.choice(TEXTS)
    return rng.choice((None, [], {}, [1], {"a": 1}, [[[]]], ["x"] * 200, [0.5] * 3, True))


def tree_of(rng: random.Random, tree: Any) -> Any:
    """A JSON tree with one to three values, names or lists in it changed."""
    root = [copy.deepcopy(tree)]
    for _ in range(rng.randint(1, 3)):
        places = list(_places(root))
        holder, key = rng.choice(places)
        what = rng.randrange(8)
        if what <= 3:
            holder[key] = value(rng)
        elif what == 4 and holder is not root:
            del holder[key]
        elif what == 5:
            other, name = rng.choice(places)
            holder[key] = copy.deepcopy(other[name]) if other is not root else None
        elif what == 6 and isinstance(holder, dict):
            holder[rng.choice(TEXTS[:-1])] = holder.pop(key) if rng.random() < 0.5 else value(rng)
        elif isinstance(holder[key], list) and len(holder[key]) < 1000:
            holder[key] = holder[key] * rng.choice((0, 2, 2, 100))
        else:
            old = holder[key]
            holder[key] = rng.choice((str(old)[:1000], [old], {"a": old}))
    return root[0]


def _places(node: Any) -> Any:
    """(holder, key) of every value of a tree; of long lists, of the first values."""
    names = list(node) if isinstance(node, dict) else range(min(len(node), 20))
    for name in names:
        yield node, name
        if isinstance(node[name], dict | list):
            yield from _places(node[name])


def json_of(rng: random.Random, blob: bytes) -> bytes:
    """A JSON text with changes of its tree, or of its text."""
    if rng.random() < 0.15:
        return bytes_of(rng, blob)
    out = dumps(tree_of(rng, json.loads(blob)))
    if rng.random() < 0.25:
        places = [i for i, letter in enumerate(out[:20_000]) if letter in ":[,"]
        if places:
            at = rng.choice(places) + 1
            end = next((i for i in range(at, len(out)) if out[i] in ",]}"), at)
            out = out[:at] + rng.choice(RAW) + out[end:]
    return out.encode("utf-8", "surrogatepass")


def dumps(tree: Any) -> str:
    """JSON with NaN and lone surrogates as they come."""
    return json.dumps(tree)
