"""What the runner on the far side says, read line by line."""

from __future__ import annotations

from ca_deploy.bench.devices.remote.runner import _Report


def test_lines_make_a_report_and_other_lines_are_left_alone() -> None:
    report = _Report()
    lines = [
        b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
        b'{"model": 0, "load": 2000000}\n',
        b'{"model": 0, "stable": 1}\r\n',
        b'{"model": 0, "wall": [1000000, 3000000], "cpu": [1000000, 2000000]}\n',
        b'{"peak_bytes": 4096}\n',
        b'{"model": 0, "wall": [10000',
    ]

    ended = [report.read(line) for line in lines]

    assert ended == [None, None, None, 0, None, None]
    assert (report.load, report.stable, report.peak_bytes) == ({0: 2.0}, {0: True}, 4096)
    assert [list(one) for one in report.wall[0]] == [[1.0, 3.0]]
    assert [list(one) for one in report.cpu[0]] == [[1.0, 2.0]]
