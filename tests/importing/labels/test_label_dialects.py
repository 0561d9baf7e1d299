"""Files of labels as people and programs write them: names of columns, units, forms of times, and whole formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otolith.errors import DataError
from otolith.importing import Imported, ImportOptions, read_recordings
from tests.helpers.exports import signal

S = signal(180, acc_hz=25)
TRUTH = [(10.0, 60.0, "walk"), (70.0, 120.0, "sit"), (130.0, 170.0, "run")]
MARKED = [(10.0, 70.0, "walk"), (70.0, 130.0, "sit"), (130.0, 180.0, "run")]
BEGAN = 1_772_359_200
"""2026-03-01T10:00:00Z."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that counts from a start that it does not name."""
    return recording(tmp_path_factory.mktemp("plain") / "walk.csv", "time (s)", 0.0)


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose times are milliseconds since 1970."""
    return recording(tmp_path_factory.mktemp("dated") / "walk.csv", "time", 1000.0 * BEGAN, 1000)


def recording(path: Path, time: str, first: float, scale: float = 1.0) -> Path:
    rows = [
        f"{first + scale * at:.3f},{x:.4f},{y:.4f},{z:.4f}"
        for at, (x, y, z) in zip(S.acc_times - S.acc_times[0], S.acc.T, strict=True)
    ]
    path.write_text("\n".join([f"{time},acc_x,acc_y,acc_z", *rows, ""]))
    return path


def labelled(source: Path, folder: Path, text: str | bytes, name: str = "labels.csv", **options: str) -> Imported:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_recordings(source, ImportOptions(labels=folder / name, accept_guess=True, **options))  # type: ignore[arg-type]


def segments(found: Imported) -> list[tuple[float, float, str]]:
    return [(round(s.start_s, 3), round(s.stop_s or 999.0, 0), s.activity) for s in found.recordings[0].segments]


def rows(pattern: str, scale: float = 1, digits: int = 0) -> str:
    return "".join(
        pattern.format(a=f"{a * scale:.{digits}f}", b=f"{b * scale:.{digits}f}", d=f"{(b - a) * scale:.{digits}f}", c=c)
        + "\n"
        for a, b, c in TRUTH
    )


@pytest.mark.parametrize(
    "header",
    [
        "start,stop,label", "onset,offset,event", "Start Time,End Time,Activity Name", "t_start,t_end,class",
        "start_seconds,end_seconds,label", "StartTime,EndTime,Label", "starttime,stoptime,task", "xmin,xmax,text",
        "activity_start,activity_end,activity", "start_timestamp,end_timestamp,behaviour", "Start [s],Ende [s],Übung",
        "Beginn,Ende,Tätigkeit", "von,bis,Bewegung", "Début (s),Fin (s),Étiquette", "inicio,fin,actividad",
        "início,fim,atividade", "inizio,fine,attività", "start,slut,aktivitet", "start,einde,activiteit",
        "начало,конец,активность", "开始,结束,活动", "開始,終了,行動", "시작,종료,활동",
        "start,end,type", "start,end,name",
    ],
)  # fmt: skip
def test_names_of_columns(plain: Path, tmp_path: Path, header: str) -> None:
    assert segments(labelled(plain, tmp_path, f"{header}\n{rows('{a},{b},{c}')}")) == TRUTH


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ("start_ms,end_ms,activity", 1e3), ("Start (ms),End (ms),Activity", 1e3), ("start_us,end_us,label", 1e6),
        ("Begin Time - msec,End Time - msec,Annotation Value", 1e3), ("start_ns,end_ns,label", 1e9),
        ("Start (min),End (min),label", 1 / 60), ("start,end,label\nmin,min,-", 1 / 60),
        ("start_h,end_h,label", 1 / 3600),
        ("start (days),end (days),label", 1 / 86_400), ("start_minutes,end_minutes,label", 1 / 60),
    ],
)  # fmt: skip
def test_units_in_names_of_columns(plain: Path, tmp_path: Path, header: str, scale: float) -> None:
    """Minutes were taken for seconds."""
    assert segments(labelled(plain, tmp_path, f"{header}\n{rows('{a},{b},{c}', scale, 9)}")) == TRUTH


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("onset\tduration\ttrial_type\n" + rows("{a}\t{d}\t{c}"), "events.tsv"),
        ("start_ms,duration_ms,activity\n" + rows("{a},{d},{c}", 1000), "labels.csv"),
        ("Begin Time - ss.msec\tDuration - msec\tAnnotation Value\n" + rows("{a}\t{d}000\t{c}"), "elan.txt"),
        ("time,duration,activity\n" + rows("{a},{d},{c}"), "labels.csv"),
        ("time,end,activity\n" + rows("{a},{b},{c}"), "labels.csv"),
        ("# by Ada\n" + rows("{a},{b},{c}"), "labels.csv"),
        ("#,start,end,activity\n" + rows("1,{a},{b},{c}"), "labels.csv"),
        ("start,end,activity\n# pause\n" + rows("{a},{b},{c}") + ",,\n", "labels.csv"),
        (rows("{a} {b} {c}", 1, 3), "labels.lab"),
        (rows("{c},{a},{b}"), "labels.csv"),
        (rows("{a},{b},{d},{c}"), "labels.csv"),
        ("\ufeff" + rows("{a}\t{b}\t{c}\n\\\t100,000000\t200,000000", 1, 6).replace(".", ","), "audacity.txt"),
        (("\ufeff" + "Beginn\tEnde\tAktivität\n" + rows("{a}\t{b}\t{c}")).encode("utf-16"), "labels.txt"),
        (json.dumps([{"start": a, "end": b, "activity": c} for a, b, c in TRUTH]), "labels.json"),
        ("\n".join(json.dumps({"start": a, "end": b, "label": c}) for a, b, c in TRUTH), "labels.jsonl"),
        ("file,start,end,activity\n" + rows("/data/WALK.CSV,{a},{b},{c}"), "labels.csv"),
        ("file,start,end,activity\n" + rows("C:\\data\\walk.csv,{a},{b},{c}"), "labels.csv"),
    ],
)  # fmt: skip
def test_forms_of_files(plain: Path, tmp_path: Path, text: str | bytes, name: str) -> None:
    assert segments(labelled(plain, tmp_path, text, name)) == TRUTH


def test_numbers_as_labels_without_names_of_columns(plain: Path, tmp_path: Path) -> None:
    found = labelled(plain, tmp_path, "10\t60\t4\n70\t120\t3\n", "audacity.txt")
    assert segments(found) == [(10, 60, "4"), (70, 120, "3")]


@pytest.mark.parametrize("text", ["1,10,60,walk\n", "1,10,60\n2,70,120\n", "10,60,walk,checked\n"])
def test_columns_without_names_that_may_be_several_things_are_refused(plain: Path, tmp_path: Path, text: str) -> None:
    """The first was a label from 1 to 10 s, the last one called `checked`."""
    with pytest.raises(DataError, match="Put names above the columns: start,end,activity"):
        labelled(plain, tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start_sample,end_sample,activity\n500,3000,walk\n", "'start_sample' counts samples"),
        ("start (samples),end (samples),activity\n10,60,walk\n", "'start .samples.' counts samples"),
        ("start (%),end (%),activity\n10,60,walk\n", "states '%', which is no unit of time"),
        ("start,end,activity\n0.000116,0.000694,walk\n", "last 0.00058 s at most"),
        ("start_ms;end_ms;activity\n10.000;60.000;walk\n", "may separate thousands"),
        ("start_min,start_sec,end_min,end_sec,activity\n0,10,1,0,walk\n", "start stands in several columns"),
        ("tier,start,end,value\nactivity,10,60,walk\nnotes,62,63,battery\n", "'tier' has 2 values.*rows of one tier"),
        ("annotator,start,end,label\nbob,10,60,walk\neve,61,70,sit\n", "rows of one annotator"),
        ("subject,start,end,label\nada,10,60,walk\nbob,61,70,sit\n", "call the column recording"),
        ("file,start,end,label\na/walk.csv,10,60,x\nb/walk.csv,61,70,sit\n", "both may be 'walk'"),
        ("filename,start,end,label\nother.csv,10,60,x\n", "unknown recording 'other.csv'"),
        ("start,end,label\n00:00:10:12,00:00:20:12,x\n", "'00:00:10:12' is no time"),
        ("start,end,label\n100:00:00,101:00:00,x\n", "unit .a column start_ms holds milliseconds"),
        ("start,end,label\n10:00:00,10:01:00,x\n", "names no time of day at which it began"),
        ('<?xml version="1.0"?><a/>', "is XML"),
    ],
)
def test_what_is_wrong_or_open_is_refused(plain: Path, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        labelled(plain, tmp_path, text)


def test_annotators_in_the_short_form_of_label_studio_are_refused(plain: Path, tmp_path: Path) -> None:
    """Regions of both became labels."""
    tasks = [
        {"id": 1, "csv": "walk.csv", "label": [{"start": a, "end": b, "timeserieslabels": [c]}]} for a, b, c in TRUTH
    ]
    with pytest.raises(DataError, match="items 1 and 2 are annotations of one task"):
        labelled(plain, tmp_path, json.dumps(tasks), "labels.json")


def test_csv_of_label_studio(plain: Path, tmp_path: Path) -> None:
    regions = json.dumps([{"start": a, "end": b, "timeserieslabels": [c]} for a, b, c in TRUTH]).replace('"', '""')
    text = f'annotation_id,annotator,csv,id,label,lead_time\n2,1,/data/upload/1/0123abcd-walk.csv,1,"{regions}",12.3\n'
    assert segments(labelled(plain, tmp_path, text)) == TRUTH


BORIS = "Observation id,Media file,FPS,Subject,Behavior,Comment,Status,Time\n"
AGGREGATED = "Observation id,Media file,FPS,Subject,Behavior,Behavior type,Start (s),Stop (s),Duration (s)\n"


@pytest.mark.parametrize(
    "text",
    [
        BORIS + rows("o,v.mp4,25,,{c},,START,{a}\no,v.mp4,25,,{c},,STOP,{b}"),
        AGGREGATED + rows("o,v.mp4,25,,{c},STATE,{a},{b},{d}"),
        "time,event,activity\n" + rows("{a},begin,{c}\n{b},end,{c}"),
        "time,label\n" + rows("{a},{c} start\n{b},{c} end"),
    ],
)
def test_rows_that_begin_and_end_belong_together(plain: Path, tmp_path: Path, text: str) -> None:
    """Each row was a label until the next, so that pauses had the activity before them."""
    assert segments(labelled(plain, tmp_path, text)) == TRUTH


@pytest.mark.parametrize(
    ("row", "message"),
    [("5,start,a", "begins and does not end"), ("5,stop,a", "has not begun"), ("11,start,b", "begins again")],
)
def test_rows_without_their_other_half_are_refused(plain: Path, tmp_path: Path, row: str, message: str) -> None:
    text = f"time,event,activity\n10,start,b\n{row}\n60,stop,b\n"
    with pytest.raises(DataError, match=message):
        labelled(plain, tmp_path, text)


@pytest.mark.parametrize("header", ["time,activity", "time_ms,activity", "Zeit;Aktivität"])
def test_marks_last_until_the_next(plain: Path, tmp_path: Path, header: str) -> None:
    pattern = "{a};{c}" if ";" in header else "{a},{c}"
    text = f"{header}\n{rows(pattern, 1000 if 'ms' in header else 1)}"
    assert segments(labelled(plain, tmp_path, text)) == MARKED


@pytest.mark.parametrize("none", ["none", None])
def test_labels_at_even_distances_do_not_fill_gaps(plain: Path, tmp_path: Path, none: str | None) -> None:
    """Each second was a segment of its own, shorter than a window, and the last before a gap lasted through it."""
    said = ((at, next((c for a, b, c in TRUTH if a <= at < b), none)) for at in range(180))
    text = "time,activity\n" + "".join(f"{at},{name}\n" for at, name in said if name)
    assert segments(labelled(plain, tmp_path, text)) == TRUTH


def test_labels_of_points_alone_are_marks(plain: Path, tmp_path: Path) -> None:
    assert segments(labelled(plain, tmp_path, rows("{a}\t{a}\t{c}", 1, 6), "audacity.txt")) == MARKED


GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
SPANS = [(0, 10, ""), *TRUTH[:1], (60, 70, ""), *TRUTH[1:2], (120, 130, ""), *TRUTH[2:], (170, 180, " ")]


def grid(*tiers: str, short: bool = False) -> str:
    if short:
        body = "".join(f'{a}\n{b}\n"{c}"\n' for a, b, c in SPANS)
        return f'{GRID}0\n180\n<exists>\n1\n"IntervalTier"\n"act"\n0\n180\n{len(SPANS)}\n{body}'
    text = f"{GRID}xmin = 0 \nxmax = 180 \ntiers? <exists> \nsize = {len(tiers)} \nitem []: \n"
    for number, tier in enumerate(tiers, 1):
        text += f'    item [{number}]:\n        class = "IntervalTier" \n        name = "{tier}" \n'
        text += f"        xmin = 0 \n        xmax = 180 \n        intervals: size = {len(SPANS)} \n"
        for item, (a, b, c) in enumerate(SPANS, 1):
            text += f"        intervals [{item}]:\n            xmin = {a} \n            xmax = {b} \n"
            text += f'            text = "{c}" \n'
    return text


@pytest.mark.parametrize("text", [grid("act"), grid(short=True), ("\ufeff" + grid("tier 2")).encode("utf-16-be")])
def test_textgrid_of_praat(plain: Path, tmp_path: Path, text: str | bytes) -> None:
    assert segments(labelled(plain, tmp_path, text, "labels.TextGrid")) == TRUTH


def test_textgrids_that_do_not_decide_are_refused(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has 2 tiers of intervals with labels \(a, b\)"):
        labelled(plain, tmp_path, grid("a", "b"), "labels.TextGrid")
    with pytest.raises(DataError, match="breaks off"):
        labelled(plain, tmp_path, grid("a")[:-40], "labels.TextGrid")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1\r\n0:00:10,000 --> 0:01:00,000\r\n<i>walk</i>\r\n\r\n2\r\n0:01:10,000 --> 0:02:00,000\r\nsit\r\n", "l.srt"),
        ("WEBVTT\n\n00:10.000 --> 01:00.000 align:start\nwalk\n\nb\n01:10.000 --> 02:00.000\nsit\n", "l.vtt"),
    ],
)  # fmt: skip
def test_subtitles(plain: Path, tmp_path: Path, text: str, name: str) -> None:
    assert segments(labelled(plain, tmp_path, text, name)) == TRUTH[:2]


def test_a_duration_beside_milliseconds_since_1970_needs_its_unit(dated: Path, tmp_path: Path) -> None:
    text = f"start,duration,activity\n{BEGAN + 10}000,50,walk\n"
    with pytest.raises(DataError, match="Call its column duration_s or duration_ms"):
        labelled(dated, tmp_path, text)
    assert segments(labelled(dated, tmp_path, text.replace("duration", "duration_s"))) == TRUTH[:1]
