"""What the runner on the far side says, read line by line."""

from __future__ import annotations

import pytest

from ca_deploy.bench.devices.remote.runner import _Report
from ca_deploy.errors import DeviceError


def test_lines_make_a_report_and_other_lines_are_left_alone() -> None:
    report = _Report()
    lines = [
        b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
        b'{"model": 0, "load": 2000000}\n',
        b'{"model": 0, "stable": 1}\r\n',
        b'{"model": 0, "wall": [1000000, 3000000], "cpu": [1000000, 2000000]}\n',
        b'{"peak_bytes": 4096}\n',
        b'{"model": 0, "wall": [10000',
        b"{dlopen failed}\n",
    ]

    ended = [report.read(line) for line in lines]

    assert ended == [None, None, None, 0, None, None, None]
    assert (report.load, report.stable, report.peak_bytes) == ({0: 2.0}, {0: True}, 4096)
    assert [list(one) for one in report.wall[0]] == [[1.0, 3.0]]
    assert [list(one) for one in report.cpu[0]] == [[1.0, 2.0]]


@pytest.mark.parametrize("lost", range(3))
def test_a_report_that_lacks_a_line_is_a_device_error(lost: int) -> None:
    lines = [
        b'{"model": 0, "load": 1}\n',
        b'{"model": 0, "stable": 1}\n',
        b'{"model": 0, "wall": [1], "cpu": [1]}\n',
    ]
    whole, broken = _Report(), _Report()
    for place, line in enumerate(lines):
        whole.read(line)
        if place != lost:
            broken.read(line)

    whole.check("ssh://pi: the runner", models=1, rounds=1)
    with pytest.raises(DeviceError, match=r"^ssh://pi: the runner: part of what it measured did not arrive"):
        broken.check("ssh://pi: the runner", models=1, rounds=1)
