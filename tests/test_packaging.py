"""The recipes and photographs that ship are found in a wheel and in an editable install, from any folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHOW = (
    "from ca_deploy.resources import data_folder; from ca_deploy.recipe import load_recipe;"
    "recipe = load_recipe('ca_mobilenetv2_cifar10');"
    "photographs = any(data_folder('calibration').rglob('*.jpg'));"
    "print(recipe.weights_path().is_file(), photographs, data_folder('models'))"
)


def run(*arguments, folder, path=None):
    environment = {} if path is None else {"PYTHONPATH": str(path)}
    finished = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return finished.stdout.split()


@pytest.mark.slow
def test_a_wheel_brings_models_and_calibration_inside_the_package(tmp_path):
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--wheel-dir", str(tmp_path), str(ROOT), folder=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert sorted(path.name for path in site.iterdir() if path.suffix != ".dist-info") == ["ca_deploy"]
    weights, photographs, models = run(sys.executable, "-c", SHOW, folder="/", path=site)
    assert (weights, photographs) == ("True", "True")
    assert Path(models) == site / "ca_deploy" / "_data" / "models"


@pytest.mark.slow
def test_an_editable_install_finds_the_checkout_s_folders(tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--target", str(tmp_path), "--editable", str(ROOT), folder=tmp_path)
    start = f"import site; site.addsitedir({str(tmp_path)!r}); {SHOW}"
    weights, photographs, models = run(sys.executable, "-c", start, folder="/")
    assert (weights, photographs) == ("True", "True")
    assert Path(models) == ROOT / "models"


def test_the_version_is_said_once():
    import ca_deploy

    assert f"## {ca_deploy.__version__}" in (ROOT / "CHANGELOG.md").read_text()
