"""A real adb client and server; the phone is a stand-in whose shell is an emulated aarch64 machine's."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from far_machine import FarMachine
from phone import Phone
from saboteur import Saboteur
from ssh_server import free_port

from ca_deploy.bench.devices import Conditions, DeviceOptions, open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Silent

pytestmark = pytest.mark.devices

QUICK = Effort(rounds=2, runs=4, seconds=0, warm_up_seconds=0, cold_start=False)
ENDLESS = Effort(rounds=100, runs=100, seconds=500, warm_up_seconds=0, cold_start=False)

_DUMPSYS = """case $1 in
thermalservice) cat <<'EOF'
IsStatusOverride: false
Thermal Status: 0
Cached temperatures:
	Temperature{mValue=99.0, mType=3, mName=skin, mStatus=0}
Current temperatures from HAL:
	Temperature{mValue=41.2, mType=0, mName=cpu0, mStatus=0}
	Temperature{mValue=33.5, mType=3, mName=skin, mStatus=0}
EOF
;;
battery) cat <<'EOF'
Current Battery Service state:
  AC powered: false
  USB powered: true
  level: 83
  temperature: 291
EOF
;;
esac"""

_GETPROP = """case $1 in
ro.product.manufacturer) echo Maker ;;
ro.product.model) echo Phone 9 ;;
ro.soc.model) echo SM8650 ;;
ro.build.version.release) echo 14 ;;
esac"""

Plug = Callable[..., tuple[str, Phone]]


@pytest.fixture(scope="module")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server of our own, with keys of our own, that knows no phone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(free_port()))
        patch.setenv("ADB_MDNS", "0")
        subprocess.run(["adb", "start-server"], check=True, capture_output=True)
        yield
        subprocess.run(["adb", "kill-server"], check=True, capture_output=True)


@pytest.fixture
def plug(far: FarMachine, adb_server: None) -> Iterator[Plug]:
    """Connects a phone; gives its name as a device, and the phone."""
    phones = []

    def connect(trusting: bool = True) -> tuple[str, Phone]:
        phone = Phone(far.enter, trusting)
        phones.append(phone)
        address = f"127.0.0.1:{phone.port}"
        subprocess.run(["adb", "connect", address], check=False, capture_output=True)
        return f"adb:{address}", phone

    yield connect
    subprocess.run(["adb", "disconnect"], check=False, capture_output=True)
    for phone in phones:
        phone.unplug()


def test_a_phone_is_measured_with_its_state_before_and_after(
    plug: Plug, far: FarMachine, models: list[Path]
) -> None:
    far.put("getprop", _GETPROP)
    far.put("dumpsys", _DUMPSYS)
    name, _ = plug()
    device = open_device(name)

    found = device.measure(models, (1, 2), QUICK, Silent())

    assert [(m.threads, m.file) for m in found] == [(n, f) for n in (1, 2) for f in models]
    for one in found:
        assert one.wall is not None
        assert one.wall.runs == 4
        assert one.parity is not None
        assert one.parity.identical == (one.file.stem == "int8")
        assert one.before is not None
        state = (one.before.celsius, one.before.throttled, one.before.battery_percent, one.before.charging)
        assert state == (33.5, False, 83, True)
        assert isinstance(one.after, Conditions)
    identity = device.identity()
    assert (identity.model, identity.processor) == ("Maker Phone 9", "SM8650")
    assert identity.system.startswith("Android 14, Linux ")


def test_the_only_phone_needs_no_serial_number_and_its_state_may_be_unknown(
    plug: Plug, models: list[Path]
) -> None:
    plug()

    (one,) = open_device("adb").measure(models[1:], (1,), QUICK, Silent())

    assert one.parity is not None
    assert one.parity.identical
    assert {"its thermal state is not known", "its battery is not known"} <= set(one.warnings)


def test_among_several_phones_one_must_be_chosen(plug: Plug, models: list[Path]) -> None:
    first, _ = plug()
    plug()

    with pytest.raises(DeviceError, match="adb sees several phones: choose one with --device adb:127"):
        open_device("adb").measure(models, (1,), QUICK, Silent())
    assert open_device(first).identity().architecture == "aarch64"
    with pytest.raises(DeviceError, match=r"^adb:R5CT: adb does not see it, only 127"):
        open_device("adb:R5CT").measure(models, (1,), QUICK, Silent())


def test_without_a_phone(adb_server: None, models: list[Path]) -> None:
    with pytest.raises(DeviceError, match=r"^adb: adb sees no phone: connect one that has USB debugging on"):
        open_device("adb").measure(models, (1,), QUICK, Silent())


def test_a_phone_that_does_not_trust_this_machine(plug: Plug, models: list[Path]) -> None:
    name, _ = plug(trusting=False)

    with pytest.raises(DeviceError, match=f"^{name}: does not trust this machine: unlock it"):
        open_device(name).measure(models, (1,), QUICK, Silent())


def test_a_phone_that_is_unplugged_keeps_nothing(plug: Plug, far: FarMachine, models: list[Path]) -> None:
    name, phone = plug()

    with pytest.raises(DeviceError, match=f"^{name}: was unplugged or went away"):
        open_device(name).measure(models, (1,), ENDLESS, Saboteur(phone.unplug))
    far.wait_until_clean()


def test_a_full_phone(
    plug: Plug, far: FarMachine, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_TMPDIR", "/small")
    name, _ = plug()

    with pytest.raises(DeviceError, match=r"files could not be copied: .*No space left on device"):
        open_device(name).measure(models, (1,), QUICK, Silent())


@pytest.mark.parametrize(
    ("said", "first_ms"),
    [
        (
            "Inference timings in us: Init: 2000, First inference: 900, "
            "Warmup (avg): 800, Inference (avg): 700",
            0.9,
        ),
        ("Average inference timings in us: Warmup: 800, Init: 2000, Inference: 700", 0.8),
    ],
)
def test_the_user_s_benchmark_model_measures(
    said: str, first_ms: float, plug: Plug, far: FarMachine, models: list[Path], tmp_path: Path
) -> None:
    binary = tmp_path / "android_aarch64_benchmark_model"
    binary.write_text(f'#!/bin/sh\necho "$@" >>/tmp/calls\n[ -s model0 ] && echo "{said}" >&2\n')
    binary.chmod(0o755)
    name, _ = plug()
    effort = Effort(rounds=2, runs=4, seconds=1, warm_up_seconds=0)

    one, other = open_device(name, DeviceOptions(benchmark_binary=binary)).measure(
        models, (2,), effort, Silent()
    )

    assert one.wall is not None
    assert (one.wall.runs, one.wall.median, one.cpu) == (2, pytest.approx(0.7), None)
    assert one.cold is not None
    assert (one.cold.load_ms, one.cold.first_ms, one.cold.peak_bytes) == (2.0, pytest.approx(first_ms), None)
    assert "of 2 means over 2 runs or more each, as benchmark_model gives them" in one.warnings
    assert other.runtime == "android_aarch64_benchmark_model unknown"
    calls = far.run("cat /tmp/calls; rm /tmp/calls").stdout.splitlines()
    assert [re.findall(r"graph=(\w+) --num_threads=(\d)", call) for call in calls] == [
        [("model0", "2")],
        [("model1", "2")],
    ] * 2


def test_a_benchmark_model_that_says_something_else(plug: Plug, models: list[Path], tmp_path: Path) -> None:
    binary = tmp_path / "benchmark_model"
    binary.write_text("#!/bin/sh\necho STARTING\necho Failed to apply the delegate\n")
    binary.chmod(0o755)
    name, _ = plug()

    with pytest.raises(DeviceError, match="gave no timings, but: Failed to apply the delegate"):
        open_device(name, DeviceOptions(benchmark_binary=binary)).measure(models, (1,), QUICK, Silent())
