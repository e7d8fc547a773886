"""Many questions to a shell in one script."""

from __future__ import annotations

import pytest

from ca_deploy.bench.devices.questions import ask, shell_here


def test_what_fails_says_nothing_and_the_others_answer() -> None:
    found = ask(shell_here, {"one": "printf 1", "gone": "no-such-command", "lines": "printf 'a\\n[b]\\n'"})

    assert found == {"one": "1", "gone": "", "lines": "a\n[b]"}


def test_without_a_shell_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert ask(shell_here, {"one": "printf 1"}) == {"one": ""}
