"""The UCI-HAR reader on files in the publisher's format, and on the real recordings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from otolith.datasets.uci_har import UciHar
from otolith.errors import DataError
from otolith.recording import CHANNELS, Recording, Segment


def read(folder: Path) -> list[Recording]:
    return list(UciHar(folder).recordings())


def test_signals_in_si_units(uci_folder: Path) -> None:
    first, second = read(uci_folder)
    acc = np.loadtxt(uci_folder / "acc_exp01_user01.txt")
    gyro = np.loadtxt(uci_folder / "gyro_exp01_user01.txt")
    (stream,) = first.streams
    assert (first.name, first.subject, stream.rate_hz, stream.channels) == ("exp01_user01", 1, 50.0, CHANNELS)
    np.testing.assert_array_equal(stream.values, np.concatenate([acc.T * 9.80665, gyro.T]))
    assert second.streams[0].n_samples == 60


def test_label_rows_become_segments(uci_folder: Path) -> None:
    # labels.txt counts from 1 and includes the last sample; labels above 6 are transitions
    first, second = read(uci_folder)
    assert first.segments == (Segment(2 / 50, 40 / 50, "standing"), Segment(50 / 50, 90 / 50, "walking"))
    assert second.segments == (Segment(10 / 50, 60 / 50, "laying"),)


def test_rows_in_any_order_become_sorted_segments(uci_folder: Path) -> None:
    rows = (uci_folder / "labels.txt").read_text().splitlines()
    (uci_folder / "labels.txt").write_text("\n".join(reversed(rows)) + "\n")
    assert [segment.activity for segment in read(uci_folder)[0].segments] == ["standing", "walking"]


def test_recording_without_label_rows_is_unlabelled(uci_folder: Path) -> None:
    (uci_folder / "labels.txt").write_text("1 1 5 3 40\n")
    assert [len(recording.segments) for recording in read(uci_folder)] == [1, 0]


def test_windows_line_ends(uci_folder: Path) -> None:
    before = read(uci_folder)
    for path in uci_folder.glob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for a, b in zip(before, read(uci_folder), strict=True):
        np.testing.assert_array_equal(a.streams[0].values, b.streams[0].values)
        assert a.segments == b.segments


@pytest.mark.parametrize("text", ["abc", "nan", "inf", "", "1e999"])
def test_value_that_is_no_finite_number_is_named(uci_folder: Path, text: str) -> None:
    path = uci_folder / "acc_exp02_user01.txt"
    lines = path.read_text().splitlines()
    lines[6] = f"0.5 {text} 0.25"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=rf"acc_exp02_user01\.txt, line 7: y is '{text}', expected a finite number"):
        read(uci_folder)


@pytest.mark.parametrize(("line", "count"), [("0.5 0.25", 2), ("1 2 3 4", 4), ("", 0)])
def test_line_of_another_length_is_named(uci_folder: Path, line: str, count: int) -> None:
    path = uci_folder / "gyro_exp01_user01.txt"
    lines = path.read_text().splitlines()
    lines[88] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=rf"gyro_exp01_user01\.txt, line 89: {count} values, expected 3"):
        read(uci_folder)


def test_truncated_file_gives_unequal_lengths(uci_folder: Path) -> None:
    path = uci_folder / "gyro_exp02_user01.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:40]))
    with pytest.raises(DataError, match=r"has 60 samples and gyro_exp02_user01\.txt 40"):
        read(uci_folder)


def test_empty_file(uci_folder: Path) -> None:
    (uci_folder / "acc_exp01_user01.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"acc_exp01_user01\.txt"):
        read(uci_folder)


@pytest.mark.parametrize("missing", ["gyro_exp02_user01.txt", "acc_exp01_user01.txt"])
def test_half_a_data_set(uci_folder: Path, missing: str) -> None:
    (uci_folder / missing).unlink()
    with pytest.raises(DataError, match=rf"1 of 4 files are missing, the first is {re.escape(missing)}"):
        read(uci_folder)


def test_missing_labels(uci_folder: Path) -> None:
    (uci_folder / "labels.txt").unlink()
    with pytest.raises(DataError, match=r"labels\.txt: cannot be read"):
        read(uci_folder)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1 1 13 3 40", "line 1: label 13, expected 1 to 12"),
        ("1 1 5 0 40", "line 1: samples 0 to 40, expected 1 <= first <= last <= 90"),
        ("1 1 5 3 91", "line 1: samples 3 to 91"),
        ("1 1 5 40 3", "line 1: samples 40 to 3"),
        ("1 1 5 3 40\n1 1 1 40 50", "line 2: starts at sample 40, inside the row that ends at 40"),
        ("1 1 5 3.5 40", "line 1: first sample is '3.5', expected a whole number"),
        ("3 7 5 1 2", "2 of 6 files are missing, the first is acc_exp03_user07.txt"),
    ],
)
def test_bad_label_rows(uci_folder: Path, row: str, message: str) -> None:
    (uci_folder / "labels.txt").write_text(row + "\n")
    with pytest.raises(DataError, match=re.escape(message)):
        read(uci_folder)


def test_check_names_what_the_published_set_has_more(uci_folder: Path) -> None:
    problems = UciHar(uci_folder).check()
    assert sum(problem.what == "is missing" for problem in problems) == 118  # 122 signals, 4 are here
    assert any("bytes, the published file has 1199412" in problem.what for problem in problems)
    assert "otolith data uci-har --fetch" in str(problems[0])


@pytest.mark.realdata
def test_real_counts(real_root: Path) -> None:
    from otolith.datasets import load

    dataset = load("uci-har", real_root)
    recordings = list(dataset.recordings())
    assert len(recordings) == 61
    assert len({recording.subject for recording in recordings}) == 30
    assert sum(recording.streams[0].n_samples for recording in recordings) == 1_122_772
    # labels 1-6 only; with the transitions the rows cover 815,614 samples
    labelled = [round(s.stop_s * 50) - round(s.start_s * 50) for r in recordings for s in r.segments]
    assert sum(labelled) == 748_406
    rows = np.loadtxt(real_root / "HAPT" / "RawData" / "labels.txt", dtype=int)
    assert len(rows) == 1214
    assert (rows[:, 4] - rows[:, 3] + 1).sum() == 815_614
    kept = rows[rows[:, 2] <= 6]
    assert sum(labelled) == (kept[:, 4] - kept[:, 3] + 1).sum()
