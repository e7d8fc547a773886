"""A recipe is written back with its comments, its order, and paths that still hold."""

import pytest

from ca_deploy.errors import UserError
from ca_deploy.recipe import Formulation, load_recipe
from ca_deploy.recipe_file import check_recipe_target, save_formulations

TEXT = """\
# Mine.
weights = "nets/mine.pth"  # trained in spring

[input]
size = [96, 64]

[formulations.android.int8]
"features.2.conv.6" = { gates = "swapped" }

[formulations.x86.int8]
"features.3.conv.6" = { pooling = "mean" }
"""
CHOICE = {"x86": {"int8": {"features.2.conv.6": Formulation(pooling="convolution", arithmetic="float")}}}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    return path


def test_the_choice_replaces_that_of_its_target_and_precision_and_nothing_else(recipe):
    before = load_recipe(str(recipe))
    save_formulations(str(recipe), recipe, CHOICE)
    assert load_recipe(str(recipe)) == before.with_formulations(CHOICE)
    assert recipe.read_text().startswith(TEXT.partition("[formulations.x86")[0])
    assert [path.name for path in recipe.parent.iterdir()] == ["mine.toml"]


def test_paths_hold_from_another_folder(recipe, tmp_path):
    (tmp_path / "other").mkdir()
    target = tmp_path / "other" / "tuned.toml"
    save_formulations(str(recipe), target, CHOICE)
    assert load_recipe(str(target)).weights_path().resolve() == (tmp_path / "nets/mine.pth").resolve()
    assert "# trained in spring" in target.read_text()


def test_a_recipe_that_ships_becomes_a_file_of_the_user_s(tmp_path):
    target = tmp_path / "tuned.toml"
    check_recipe_target("ca_mobilenetv2_cifar10", target)
    save_formulations("ca_mobilenetv2_cifar10", target, CHOICE)
    assert load_recipe(str(target)).weights_path().is_file()
    assert load_recipe(str(target)).formulations == CHOICE


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("tuned.json", "a recipe is a .toml file"),
        ("nowhere/tuned.toml", "cannot write in"),
        ("taken.toml", "exists and is not the recipe"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_any_work(recipe, tmp_path, target, message):
    (tmp_path / "taken.toml").write_text("")
    with pytest.raises(UserError, match=message):
        check_recipe_target(str(recipe), tmp_path / target)
