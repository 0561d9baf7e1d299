"""Words by which tables say that a row has no activity, in many languages."""

from __future__ import annotations

import re

from otolith.importing.naming.words import unaccented
from otolith.importing.tables.missing import MISSING

_AROUND = " \t\"'`()[]{}<>*"


def folded_word(text: str) -> str:
    """Return a text as the words below are written: small, without accents, brackets, and with single blanks.

    >>> folded_word(" <Null_Class> "), folded_word("Unbekannt"), folded_word("Sin  etiqueta")
    ('null class', 'unbekannt', 'sin etiqueta')
    """
    word = unaccented(text.strip(_AROUND)).casefold()
    return " ".join(re.sub(r"[_\s]+|(?<=\w)-(?=\w)|(?<=\w)'(?=\w)", " ", word).split())


PLAIN = frozenset(map(folded_word, MISSING)) | {
    "-1", "-1.0", "-9", "-99", "-999", "unknown", "unlabelled", "unlabeled", "no label", "nolabel", "not labelled",
    "not labeled", "no activity", "not annotated", "unannotated",
}  # fmt: skip
"""Words, folded, that a map of activities may use to take one away."""
_MORE = (
    "null class", "null label", "null activity", "none of these", "none of the above", "undef", "not defined", "unk",
    "unknown activity", "unknown class", "unlabelled data", "unlabeled data", "no class", "no annotation", "nothing",
    "not available", "not known", "not assigned", "unassigned", "untagged", "no data", "no value", "unclassified",
    "not classified", "uncoded", "uncodable", "unscored", "not scored", "invalid", "ignore", "ignored", "to ignore",
    "transition", "transitions", "transient", "transient activity", "transient activities",
    # German
    "kein label", "kein", "keine", "keins", "keine aktivitat", "keine angabe", "k.a.", "unbekannt", "undefiniert",
    "nicht definiert", "unbestimmt", "nicht annotiert", "nicht gelabelt", "ohne label", "ohne", "leer", "ubergang",
    "nullklasse",
    # French
    "aucun", "aucune", "aucune activite", "inconnu", "inconnue", "non annote", "sans etiquette", "non etiquete",
    "non defini", "indefini", "non renseigne", "vide", "pas d etiquette",
    # Spanish, Portuguese
    "ninguno", "ninguna", "ninguna actividad", "desconocido", "desconocida", "sin etiqueta", "sin etiquetar",
    "sin actividad", "no definido", "indefinido", "indefinida", "nulo", "nula", "vacio", "sin clase", "transicion",
    "nenhum", "nenhuma", "desconhecido", "desconhecida", "sem rotulo", "sem etiqueta", "nao definido", "transicao",
    # Italian
    "nessuna", "nessuno", "nessuna attivita", "sconosciuto", "sconosciuta", "senza etichetta", "non definito",
    "indefinito", "non annotato", "ignoto", "transizione",
    # Dutch, Scandinavian, Finnish
    "geen", "geen label", "geen activiteit", "onbekend", "niet gedefinieerd", "ongelabeld", "ingen", "inget", "okand",
    "ukendt", "ukjent", "ingen aktivitet", "ej definierad", "tuntematon", "ei mitaan",
    # Polish, Czech, Turkish
    "brak", "nieznany", "nieznana", "nieznane", "brak etykiety", "neznamy", "neznama", "zadny", "yok", "bilinmiyor",
    "tanimsiz",
    # Russian
    "нет", "неизвестно", "неизвестный", "нет метки", "без метки", "не определено", "нет активности",
    # Chinese, Japanese, Korean
    "无", "無", "空", "未知", "无标签", "無標籤", "未标注", "未標註", "未标记", "未標記", "未定义", "未定義", "其它无",
    "不明", "なし", "無し", "ラベルなし", "不詳", "없음", "알 수 없음", "미정", "라벨 없음",
)  # fmt: skip
WORDS = PLAIN | frozenset(_MORE)
