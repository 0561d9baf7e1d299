"""Names of columns in files of labels, in the words of several languages."""

from __future__ import annotations

from otolith.importing.naming.words import LABEL_WORDS

STARTS = frozenset((
    "start", "starts", "begin", "begins", "beginning", "onset", "from", "tmin", "xmin", "tstart", "beginn",
    "anfang", "von", "ab", "debut", "depart", "inicio", "comienzo", "desde", "inizio", "inizia", "da", "van",
    "begintijd", "poczatek", "alku", "zacatek", "baslangic", "начало", "开始", "開始", "起始", "시작", "starttime",
    "begintime", "startzeit", "startzeitpunkt",
))  # fmt: skip
ENDS = frozenset((
    "end", "ends", "stop", "stops", "finish", "to", "until", "till", "tmax", "xmax", "tend", "ende", "bis",
    "fin", "final", "hasta", "fim", "ate", "termino", "fine", "einde", "eind", "tot", "slut", "koniec",
    "loppu", "konec", "bitis", "конец", "окончание", "结束", "結束", "終了", "终止", "종료", "끝", "endtime",
    "stoptime",
    "endzeit", "eindtijd", "offset",
))  # fmt: skip
DURATIONS = frozenset((
    "duration", "durations", "dur", "length", "dauer", "duree", "duracion", "duracao", "durata", "duur",
    "varaktighet", "varighed", "varighet", "kesto", "длительность", "продолжительность", "时长", "持续时间", "時間長",
    "기간",
))  # fmt: skip
MARKS = frozenset((
    "time", "timestamp", "seconds elapsed", "zeit", "zeitstempel", "zeitpunkt", "uhrzeit", "temps", "tiempo",
    "tempo", "tijd", "tid", "horodatage", "datetime", "date time", "t", "время", "时间", "時刻", "시간", "elapsed",
    "time elapsed", "elapsed time", "seconds", "second", "sec", "secs", "sekunde", "sekunden",
))  # fmt: skip
"""Names of columns of moments, each of which lasts until the next."""
AROUND = frozenset((
    "time", "times", "timestamp", "ts", "t", "at", "zeit", "datetime", "point", "activity", "interval",
    "segment", "label", "event", "annotation", "bout", "tiempo", "temps", "tempo", "tid", "tijd", "iso", "utc", "local",
    "unix", "epoch", "elapsed", "relative", "rel", "of",
))  # fmt: skip
"""Words beside a start or an end that change nothing."""
_LONG = {
    1.0: ("s", "sec", "secs", "second", "seconds", "sekunde", "sekunden", "segundos", "secondes"),
    1e-3: ("ms", "msec", "msecs", "millis", "millisec", "millisecond", "milliseconds", "millisekunden"),
    1e-6: ("us", "usec", "microsecond", "microseconds", "micros"),
    1e-9: ("ns", "nsec", "nanosecond", "nanoseconds", "nanos"),
    60.0: ("min", "mins", "minute", "minutes", "minuten"),
    86_400.0: ("d", "day", "days"),
    3600.0: ("h", "hr", "hrs", "hour", "hours"),
}
UNITS = {word: seconds for seconds, words in _LONG.items() for word in words}
"""Seconds in units of time as they stand in names."""
COUNTS = frozenset((
    "sample", "samples", "index", "idx", "row", "rows", "frame", "frames", "line", "ff", "nr",
))  # fmt: skip
"""Words by which a start is a number of samples or pictures."""
DATES = (
    "date", "start date", "date start", "begin date", "day", "datum", "fecha", "data", "jour", "dag", "дата",
    "日期", "日付", "날짜",
)  # fmt: skip
RECORDINGS = (
    "recording", "recording id", "recording name", "file", "file name", "filename", "recording file",
    "session", "name", "trial", "datei", "dateiname", "fichier", "archivo",
)  # fmt: skip
ACTIVITIES = (
    "activity", "label", "class", "annotation", "text", "annotation value", "value", "event", "marker",
    "note", "behavior", "behaviour",
    *LABEL_WORDS,
    "trial type", "action", "type", "state", "what", "title", "description", "category", "tag", "bezeichnung",
    "code",
)  # fmt: skip
"""The likeliest first."""
OTHERS = {
    "tier": ("tier", "layer", "track"),
    "annotator": (
        "annotator", "rater", "coder", "observer", "annotated by", "completed by", "labeler", "labeller",
    ),
    "recording": (
        "video", "video file", "media", "media file", "media file name", "media file path", "clip", "observation id",
        "subject", "subject id", "participant", "participant id", "person", "user", "user id", "session id",
    ),
}  # fmt: skip
"""Columns of which two values are of two recordings, or two opinions of one."""
