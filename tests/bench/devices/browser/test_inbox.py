"""How a run ends when the page does not."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator

import pytest
from test_server import HELLO

from ca_deploy.bench.devices.browser.inbox import Inbox
from ca_deploy.bench.devices.browser.messages import Beat, Closed, Failed, Hello, Message, Result, Round, Step
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Silent

BEAT, ROUND = Beat(kind="beat"), Round(kind="round")
RESULT = Result(kind="result", measured=[], skipped=[], hidden=False)


def step(text: str, total: int) -> Step:
    return Step(kind="step", text=text, total=total)


def inbox(*messages: Message) -> Inbox:
    filled: queue.Queue[Message] = queue.Queue()
    for message in messages:
        filled.put(message)
    return Inbox(filled, "browser:a", open_seconds=0.05, silent_seconds=0.05)


class Recorded(Silent):
    def __init__(self) -> None:
        self.seen: list[object] = []

    def step(self, description: str) -> None:
        self.seen.append(description)

    def track(self, items: Iterable[object], total: int, unit: str) -> Iterator[object]:
        for done, item in enumerate(items, 1):
            self.seen.append((done, total, unit))
            yield item


def test_rounds_show_as_progress_of_their_step() -> None:
    progress = Recorded()

    found = inbox(
        BEAT, step("on 1 thread", 2), ROUND, BEAT, ROUND, step("on WebGPU", 2), ROUND, RESULT
    ).result(progress)

    assert found is RESULT
    assert progress.seen == [
        "Timing on 1 thread in the browser",
        (1, 2, "rounds"),
        (2, 2, "rounds"),
        "Timing on WebGPU in the browser",
        (1, 2, "rounds"),
    ]


def test_the_page_s_first_word_is_awaited() -> None:
    hello = Hello(**HELLO)

    assert inbox(hello).hello() is hello
    with pytest.raises(DeviceError, match=r"nobody opened the page and started it within 0 s"):
        inbox().hello()


@pytest.mark.parametrize(
    ("messages", "line"),
    [
        ((), "has been silent for 0 s"),
        ((step("on 1 thread", 2), ROUND), "has been silent for 0 s"),
        ((step("on 1 thread", 2), Closed(kind="closed")), "was closed before it was done"),
        ((Failed(kind="failed", reason="out of memory"),), "browser:a: out of memory"),
    ],
)
def test_a_page_that_goes_away_is_a_device_error(messages: tuple[Message, ...], line: str) -> None:
    with pytest.raises(DeviceError, match=line):
        inbox(*messages).result(Silent())


def test_signs_of_life_alone_are_not_enough() -> None:
    endless: queue.Queue[Message] = queue.Queue()
    endless.get = lambda timeout: BEAT  # type: ignore[method-assign]

    with pytest.raises(DeviceError, match="nothing happened for 0 s"):
        Inbox(endless, "browser:a", open_seconds=0.05, silent_seconds=0.05).result(Silent())
