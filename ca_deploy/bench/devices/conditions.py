"""The state of a machine beside a session: how warm it is, whether it is throttled, its battery."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ca_deploy.bench.devices.protocol import Conditions
from ca_deploy.bench.devices.questions import Shell, ask
from ca_deploy.progress import Progress

_QUESTIONS = {
    "governor": "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "zones": "cat /sys/class/thermal/thermal_zone*/temp",
    "raspberry": "vcgencmd get_throttled",
    "thermal": "dumpsys thermalservice",
    "battery": "dumpsys battery",
}
_SKIN = 3  # android.os.Temperature.TYPE_SKIN
_POWERED = ("AC", "USB", "Wireless", "Dock")
_PLAUSIBLE = (0, 130)  # degrees; other zones are not connected
_THROTTLED_NOW = 0xF  # Raspberry Pi: under-voltage, frequency capped, throttled, soft temperature limit
_COOLER = 1.0  # degrees within which a device is as cool as before
_LOOK_SECONDS = 5.0
_LOW_BATTERY = 20  # per cent; phones save power below


def read_conditions(shell: Shell) -> Conditions:
    """Ask a machine for its state.

    Raises:
        DeviceError: when the shell cannot be reached.
    """
    return parse_conditions(ask(shell, _QUESTIONS))


def parse_conditions(answers: dict[str, str]) -> Conditions:
    """Read the answers; see `_QUESTIONS`."""
    thermal, battery = answers["thermal"], answers["battery"]
    level = re.search(r"^\s*level: (\d+)$", battery, re.MULTILINE)
    powered = re.findall(rf"^\s*(?:{'|'.join(_POWERED)}) powered: (true|false)$", battery, re.MULTILINE)
    return Conditions(
        celsius=_celsius(answers),
        throttled=_throttled(answers["raspberry"], thermal),
        governor=answers["governor"] or None,
        battery_percent=int(level[1]) if level else None,
        charging="true" in powered if powered else None,
    )


def _celsius(answers: dict[str, str]) -> float | None:
    """A phone's skin, else its battery; a board's warmest zone."""
    current = answers["thermal"].partition("Current temperatures from HAL")[2] or answers["thermal"]
    skin = re.search(rf"Temperature\{{mValue=(-?[\d.]+), mType={_SKIN},", current)
    if skin:
        return float(skin[1])
    battery = re.search(r"^\s*temperature: (\d+)$", answers["battery"], re.MULTILINE)
    if battery:
        return int(battery[1]) / 10
    zones = [int(zone) / 1000 for zone in answers["zones"].split() if zone.lstrip("-").isdecimal()]
    return max((zone for zone in zones if _PLAUSIBLE[0] < zone < _PLAUSIBLE[1]), default=None)


def _throttled(raspberry: str, thermal: str) -> bool | None:
    """By a Raspberry Pi's firmware, or Android's thermal status (0 is none)."""
    flags = re.fullmatch(r"throttled=0x([0-9a-f]+)", raspberry)
    if flags:
        return bool(int(flags[1], 16) & _THROTTLED_NOW)
    status = re.search(r"Thermal Status: (\d+)", thermal)
    return int(status[1]) > 0 if status else None


def cool_down(
    shell: Shell,
    start: Conditions,
    seconds: float,
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until a machine is as cool as it was at the start, for at most so many seconds."""
    looks = int(seconds / _LOOK_SECONDS)
    for _ in range(looks):
        now = read_conditions(shell)
        warm = now.celsius is not None and start.celsius is not None and now.celsius > start.celsius + _COOLER
        if not warm and not now.throttled:
            return
        progress.step("Letting the device cool" + (f": {now.celsius:.1f} °C" if now.celsius else ""))
        sleep(_LOOK_SECONDS)


def condition_warnings(before: Conditions, after: Conditions, phone: bool) -> list[str]:
    """What the state of a machine says against the figures of a session."""
    found = []
    if before.governor not in (None, "performance"):
        found.append(f"the frequency governor is {before.governor}, not performance")
    if before.throttled or after.throttled:
        found.append("throttled: it ran slower to stay cool or for want of power")
    if phone and before.throttled is None:
        found.append("its thermal state is not known")
    if phone and before.battery_percent is None:
        found.append("its battery is not known")
    if before.battery_percent is not None and before.battery_percent < _LOW_BATTERY:
        found.append(f"the battery is at {before.battery_percent} %, phones save power then")
    return found
