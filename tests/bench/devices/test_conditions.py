"""The state of machines, read, and what it says against figures."""

from __future__ import annotations

import pytest

from ca_deploy.bench.devices import Conditions, conditions
from ca_deploy.bench.devices.conditions import (
    _QUESTIONS,
    condition_warnings,
    cool_down,
    parse_conditions,
)
from ca_deploy.bench.devices.questions import shell_here
from ca_deploy.progress import Silent


def state(**answers: str) -> Conditions:
    return parse_conditions(dict.fromkeys(_QUESTIONS, "") | answers)


def test_a_machine_that_says_nothing() -> None:
    assert state() == Conditions()


@pytest.mark.parametrize(
    ("flags", "throttled"), [("0x0", False), ("0x50000", False), ("0x50005", True), ("0x8", True)]
)
def test_a_raspberry_pi_tells_whether_it_is_throttled_now(flags: str, throttled: bool) -> None:
    found = state(raspberry=f"throttled={flags}", zones="48312\n", governor="ondemand")

    assert found == Conditions(celsius=48.312, throttled=throttled, governor="ondemand")


def test_zones_that_are_not_connected_do_not_count() -> None:
    assert state(zones="-274000\n0\n51000\n179000\nnone").celsius == 51.0


def test_a_phone_without_a_skin_sensor_tells_its_battery_s_temperature() -> None:
    battery = "  AC powered: true\n  USB powered: false\n  level: 15\n  temperature: 312\n"

    found = state(thermal="Thermal Status: 2", battery=battery, zones="60000")

    assert found == Conditions(celsius=31.2, throttled=True, battery_percent=15, charging=True)


@pytest.mark.parametrize(
    ("before", "phone", "expected"),
    [
        (Conditions(governor="performance"), False, []),
        (Conditions(governor="schedutil"), False, ["the frequency governor is schedutil, not performance"]),
        (Conditions(), True, ["its thermal state is not known", "its battery is not known"]),
        (
            Conditions(throttled=False, battery_percent=15),
            True,
            ["the battery is at 15 %, phones save power then"],
        ),
    ],
)
def test_warnings(before: Conditions, phone: bool, expected: list[str]) -> None:
    assert condition_warnings(before, before, phone) == expected


def test_throttling_that_began_meanwhile_is_warned_of() -> None:
    (warning,) = condition_warnings(Conditions(throttled=False), Conditions(throttled=True), False)

    assert warning.startswith("throttled: it ran slower")


def test_cooling_ends_when_it_is_as_cool_as_before_or_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    temperatures = iter([40.0, 35.0, 30.5, 30.0])
    monkeypatch.setattr(conditions, "read_conditions", lambda _: Conditions(celsius=next(temperatures)))
    slept: list[float] = []

    cool_down(shell_here, Conditions(celsius=30.0), 60, Silent(), slept.append)
    assert slept == [5, 5]
    temperatures = iter([50.0] * 9)
    cool_down(shell_here, Conditions(celsius=30.0), 12, Silent(), slept.append)
    assert slept == [5] * 4
