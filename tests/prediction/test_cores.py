"""Pieces of work on several cores: in order, few at a time, each on one thread of PyTorch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from otolith import fast
from otolith.errors import DataError
from otolith.prediction.cores import on_cores

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_keep_their_order(threads: int) -> None:
    def work(number: int) -> tuple[int, int]:
        time.sleep(0.02 * (number % 3 == 0))
        return number, torch.get_num_threads()

    with on_cores(work, CPU) as pieces:
        for number in range(10):
            pieces.add(number)
        found = pieces.results()
    assert found == [(number, 1) for number in range(10)]
    assert torch.get_num_threads() == threads


def test_few_pieces_wait(threads: int) -> None:
    running, most = set[int](), []

    def work(number: int) -> None:
        time.sleep(0.01)
        running.discard(number)

    with on_cores(work, CPU) as pieces:
        for number in range(20):
            running.add(number)
            pieces.add(number)
            most.append(len(running))
    assert max(most) <= threads + 2


def test_an_error_reaches_the_caller_and_threads_are_as_before(threads: int) -> None:
    def work(number: int) -> int:
        if number == 2:
            raise DataError("a window holds nan")
        return number

    def all_of_it() -> None:
        with on_cores(work, CPU) as pieces:
            for number in range(30):
                pieces.add(number)

    before = set(threading.enumerate())
    with pytest.raises(DataError, match="nan"):
        all_of_it()
    assert torch.get_num_threads() == threads
    assert not set(threading.enumerate()) - before


def test_the_switch_of_fast_forms_holds_in_every_thread(threads: int) -> None:
    with fast.plain(), on_cores(lambda _: fast.is_on(), CPU) as pieces:
        for number in range(4):
            pieces.add(number)
        assert pieces.results() == [False] * 4
