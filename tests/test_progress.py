import io

from ca_deploy.progress import Bars, Lines, Silent, on_terminal


class Clock:
    """Time that passes two seconds at every look."""

    now = 0.0

    def __call__(self):
        self.now += 2.0
        return self.now


def test_lines_name_steps_and_count_now_and_then():
    stream = io.StringIO()
    lines = Lines(stream, seconds_between=5.0, clock=Clock())
    lines.step("Calibrating")
    assert list(lines.track(range(6), 6, "images")) == list(range(6))
    lines.note("skipped one")
    assert stream.getvalue().splitlines() == [
        "Calibrating",
        "Calibrating: 2/6 images",
        "Calibrating: 5/6 images",
        "skipped one",
    ]


def test_without_a_terminal_progress_is_lines():
    with on_terminal(quiet=False, stream=io.StringIO()) as progress:
        assert isinstance(progress, Lines)


def test_quiet_is_silent():
    with on_terminal(quiet=True) as progress:
        assert isinstance(progress, Silent)
        progress.step("x")
        assert list(progress.track([1, 2], 2, "y")) == [1, 2]


def test_bars_show_text_as_it_is(capsys):
    with Bars() as bars:
        bars.step("Timing [/x] [red]y")

    assert "Timing [/x] [red]y" in capsys.readouterr().err
