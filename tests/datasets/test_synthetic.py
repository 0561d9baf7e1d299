"""The synthetic set: the same everywhere, and neither trivial nor hopeless nor perfectly solvable."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from otolith.datasets import synthetic
from otolith.datasets.synthetic import MOVEMENTS, Synthetic, rotation
from otolith.recording import Recording


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return list(Synthetic().recordings())


def test_size(recordings: list[Recording]) -> None:
    assert len(recordings) == 36
    assert len({recording.subject for recording in recordings}) == 12
    for recording in recordings:
        assert sorted(segment.activity for segment in recording.segments) == sorted(MOVEMENTS)
    labelled = sum(s.stop_s - s.start_s for r in recordings for s in r.segments)
    everything = sum(r.streams[0].n_samples / 50 for r in recordings)
    assert 2500 < 2 * labelled - len(MOVEMENTS) * 36 < 4000  # one-second windows, half overlapping
    assert everything - labelled > 600  # unlabelled


def test_stretches_lie_in_order_within_their_recording(recordings: list[Recording]) -> None:
    for recording in recordings:
        edges = [edge for segment in recording.segments for edge in (segment.start_s, segment.stop_s)]
        assert edges == sorted(edges)
        assert edges[0] > 0
        assert edges[-1] < recording.streams[0].n_samples / 50


def test_values_are_the_same_on_every_machine(recordings: list[Recording]) -> None:
    values = np.concatenate([recording.streams[0].values for recording in recordings], axis=1)
    steps = values / synthetic.QUANTUM
    np.testing.assert_array_equal(steps, np.round(steps))
    whole = steps.astype(np.int64)
    assert whole.shape == (6, 129_754)
    # changes here need a higher Synthetic.version
    assert Synthetic.version == 1
    assert whole.sum(axis=1).tolist() == [-60852027, -60520337, 566600840, 820082, 4758021, 5689625]


def test_another_process_and_order_give_the_same(recordings: list[Recording]) -> None:
    code = (
        "from otolith.datasets import load; import hashlib;"
        "print(hashlib.sha256(b''.join(r.streams[0].values.tobytes()"
        " for r in load('synthetic').recordings())).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here = hashlib.sha256(b"".join(r.streams[0].values.tobytes() for r in recordings)).hexdigest()
    assert there == here


def test_cache_key_follows_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Synthetic().cache_key()
    settings = [
        name
        for name, value in vars(synthetic).items()
        if name.isupper() and name not in ("CHANNELS", "STANDARD_GRAVITY", "LONG", "MOVEMENTS")
    ]
    assert len(settings) == 16
    for name in settings:
        with monkeypatch.context() as patch:
            patch.setattr(synthetic, name, "another")
            assert Synthetic().cache_key() != before, name


def test_rotation_is_orthogonal() -> None:
    for turn in (np.zeros(3), np.array([0.3, -2.0, 1.0]), np.array([0.0, 0.0, np.pi / 2])):
        matrix = rotation(turn)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_allclose(rotation(np.array([0, 0, np.pi / 2])) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_every_movement_repeats_itself() -> None:
    for name, movement in MOVEMENTS.items():
        phase = np.linspace(0.01, 6, 50)
        np.testing.assert_allclose(movement.shape(phase), movement.shape(phase + 12 * np.pi), atol=1e-9, err_msg=name)
        np.testing.assert_allclose(movement.unit(synthetic.LONG).std(axis=1), 1)


def one_second_windows(recordings: list[Recording]) -> tuple[NDArray, NDArray, NDArray]:
    x, y, subject = [], [], []
    for recording in recordings:
        values = recording.streams[0].values
        for segment in recording.segments:
            start, stop = round(segment.start_s * 50), round(segment.stop_s * 50)
            for first in range(start, stop - 49, 50):
                x.append(values[:, first : first + 50])
                y.append(list(MOVEMENTS).index(segment.activity))
                subject.append(recording.subject)
    return np.stack(x), np.array(y), np.array(subject)


def spectral_features(x: NDArray) -> NDArray:
    """What an expert would compute: shapes of the spectra and phases between channels, free of strength and place."""
    spectrum = np.fft.rfft((x - x.mean(axis=2, keepdims=True)) * np.hanning(x.shape[2]))[:, :, 1:12]
    power = np.log(np.abs(spectrum) ** 2 + 1e-2)
    features = [(power - power.mean(axis=2, keepdims=True)).reshape(len(x), -1)]
    for i in range(6):
        for j in range(i):
            cross = spectrum[:, i] * spectrum[:, j].conj()
            cross = cross / np.abs(cross).sum(axis=1, keepdims=True)
            features += [cross.real, cross.imag]
    return np.concatenate(features, axis=1)


def test_structure_is_in_time_and_has_a_ceiling(recordings: list[Recording]) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, y, subject = one_second_windows(recordings)
    train = subject <= 9

    def score(features: NDArray, model: object) -> float:
        fitted = make_pipeline(StandardScaler(), model).fit(features[train], y[train])
        return float(f1_score(y[~train], fitted.predict(features[~train]), average="macro"))

    raw = score(x.reshape(len(x), -1), LogisticRegression(C=0.01, max_iter=200))
    strength = score(np.concatenate([x.std(axis=2), x.mean(axis=2)], axis=1), LogisticRegression(max_iter=1000))
    expert = score(spectral_features(x), SVC(C=3))
    assert raw < 0.45
    assert strength < 0.45
    assert 0.75 < expert < 0.98


def test_labels_are_wrong_in_a_small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """No method can pass the share of time in which what is done is what the label says."""
    true = np.concatenate([r.streams[0].values for r in Synthetic().recordings()], axis=1)
    moved: list[tuple[int, int]] = []
    plain = synthetic._Take._move

    def spy(self: synthetic._Take, activity: int, n_samples: int, strength: float) -> NDArray:
        moved.append((activity, n_samples))
        return plain(self, activity, n_samples, strength)

    monkeypatch.setattr(synthetic._Take, "_move", spy)
    again = list(Synthetic().recordings())
    np.testing.assert_array_equal(np.concatenate([r.streams[0].values for r in again], axis=1), true)
    confused = sum(n for _, n in moved if n == round(1.5 * 50))
    labelled = sum(round(50 * (s.stop_s - s.start_s)) for r in again for s in r.segments)
    assert 0.03 < confused / labelled < 0.08
