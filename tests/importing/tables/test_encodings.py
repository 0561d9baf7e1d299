"""Texts in encodings of many places: told by the words of their headers."""

from __future__ import annotations

import pytest

from otolith.errors import DataError
from otolith.importing.tables.encodings import encoding_of
from otolith.importing.tables.text import header_of, read_table

ROWS = "\n".join(f"{n / 50},0.1,0.2,9.8,{word}" for n in range(40) for word in ("%s",))


@pytest.mark.parametrize(
    ("header", "label", "encoding"),
    [
        ("时间,加速度X,加速度Y,加速度Z,活动", "走路", "gb18030"),
        ("時刻,加速度X,加速度Y,加速度Z,ラベル", "歩行", "shift_jis"),
        ("시간,가속도X,가속도Y,가속도Z,활동", "걷기", "euc_kr"),
        ("время,ускорение X,ускорение Y,ускорение Z,активность", "ходьба", "cp1251"),
        ("czas,ax,ay,az,czynność", "chód", "cp1250"),
        ("Zeit,ax,ay,az,Tätigkeit", "Übergang", "cp1252"),
        ("time,ax,ay,az,remark", "café", "cp1252"),
    ],
)
def test_words_tell_the_encoding(header: str, label: str, encoding: str) -> None:
    content = (header + "\n" + ROWS.replace("%s", label)).encode(encoding)
    assert encoding_of(content) == encoding
    assert header_of(content) == tuple(header.split(","))
    found = read_table("walk.csv", content)
    assert found.texts(found.columns[-1])[0] == label
    assert any("not UTF-8" in what for what, _ in found.repairs)


def test_a_text_that_goes_on_otherwise_is_refused() -> None:
    content = "时间,加速度X,加速度Y,加速度Z\n".encode("gb18030") + ROWS.encode() * 5 + b"\xff\xff"
    with pytest.raises(DataError, match="neither UTF-8 nor gb18030"):
        read_table("walk.csv", content)
