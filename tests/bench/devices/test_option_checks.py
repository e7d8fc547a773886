from pathlib import Path

import pytest

from ca_deploy.bench.devices import DeviceOptions, check_options
from ca_deploy.errors import UserError


@pytest.mark.parametrize(
    ("options", "line", "reader"),
    [
        (DeviceOptions(benchmark_binary=Path("b")), "--benchmark-binary: is for --device adb", "adb:SERIAL"),
        (DeviceOptions(insecure=True), "--insecure: is for --device browser", "browser:10.0.0.2"),
        (DeviceOptions(cool_down_seconds=5), "--cool-down: is for --device ssh and adb", "ssh://u@host"),
        (DeviceOptions(timeout_seconds=5), "--timeout: is for --device ssh and adb", "adb"),
    ],
)
def test_an_option_that_no_device_reads_is_refused(options, line, reader):
    check_options(["local", reader], options)
    with pytest.raises(UserError, match=line):
        check_options(["local", "emulated:cortex-a53"], options)


def test_defaults_are_options_of_no_device():
    check_options(["local"], DeviceOptions())
