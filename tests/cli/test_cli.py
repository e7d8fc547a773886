import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from ca_deploy.cli import app
from ca_deploy.cli.artifact_options import ARTIFACT_OPTIONS
from ca_deploy.plan import Choices, Options
from ca_deploy.precisions import PRECISIONS

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "tensorflow", "onnx", "onnxruntime", "onnxsim", "ai_edge_litert", "numpy", "PIL"}


def command(*arguments):
    return [sys.executable, "-m", "ca_deploy", *arguments]


def run(*arguments, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command(*arguments), cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["export", "--help"],
        ["export", "-h"],
        ["evaluate", "--help"],
        ["quantize", "--help"],
        ["list", "--help"],
        ["bundle", "--help"],
        ["doctor"],
        ["bench", "--help"],
        ["profile", "--help"],
        ["--version"],
    ],
)
def test_help_imports_no_heavy_module(arguments):
    code = (
        "import sys\nfrom ca_deploy.cli import main\n"
        f"sys.argv = ['ca-deploy', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines()[-1] == "[]"


def test_help_has_examples(tmp_path):
    assert (
        "ca-deploy export ca_mobilenetv2 --weights mbv2_ca.pth"
        in run("export", "--help", folder=tmp_path).stdout
    )


@pytest.mark.parametrize("name", ["export", "quantize"])
def test_help_names_every_precision_in_a_narrow_terminal(tmp_path, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = run(name, "--help", folder=tmp_path).stdout
    assert "…" not in shown
    assert all(precision in shown for precision in PRECISIONS)


def test_every_choice_is_an_option_of_export_and_quantize():
    choices = Choices.__annotations__.keys()
    assert {option.name for option in ARTIFACT_OPTIONS} == set(choices)
    assert choices <= {field.name for field in dataclasses.fields(Options)}
    for name, command in get_command(app).commands.items():
        if name in ("export", "quantize"):
            assert choices <= {parameter.name for parameter in command.params}


def test_list_as_json_is_readable_by_machines(tmp_path):
    recipes = json.loads(run("list", "--json", folder=tmp_path).stdout)
    assert "ca_mobilenetv2_cifar10" in [recipe["name"] for recipe in recipes]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "ca_mobilenet"], "error: no recipe is called 'ca_mobilenet'"),
        (["export", "--nonsense"], "No such option"),
        (["export"], "error: nothing to export"),
        (["evaluate", "nowhere", "--data", "."], "error: nowhere: there is no such file or folder"),
        (["quantize", "nowhere"], "nowhere: not an exported folder"),
        (
            ["export", "ca_mobilenetv2_cifar10", "--images", "nowhere"],
            "error: nowhere: there is no such folder",
        ),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, arguments, message):
    finished = run(*arguments, folder=tmp_path)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
    assert len([line for line in finished.stderr.splitlines() if line.startswith("error:")]) <= 1
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(tmp_path):
    assert "Traceback" in run("export", "ca_mobilenet", "--debug", folder=tmp_path).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "Rewriting"), (signal.SIGTERM, "Lowering"), (signal.SIGINT, "Writing model_int8")],
)
def test_an_interrupted_export_leaves_nothing_and_says_so(tmp_path, number, moment):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = command("export", "ca_mobilenetv2_cifar10", "--out", "out")
    with subprocess.Popen(
        arguments,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # A background job of a shell starts with Ctrl-C ignored, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        steps = iter(process.stderr.readline, "")
        assert any(moment in step for step in steps)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "error: interrupted; nothing was written"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "option"), [("profile", "--plot"), ("sensitivity", "--svg")])
def test_a_picture_that_cannot_be_written_is_said_before_any_work(tmp_path, command, option):
    finished = run(command, "missing", option, "nowhere/x.svg", folder=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"error: {option} nowhere/x.svg: nowhere is no folder")
