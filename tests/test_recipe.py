from pathlib import Path

import pytest

from ca_deploy.errors import UserError
from ca_deploy.recipe import InputSpec, load_recipe, parse_recipe, shipped_recipes


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_every_shipped_recipe_is_valid(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description
    weights = recipe.weights_path()
    assert weights is None or weights.is_file()


def test_the_imagenet_recipe_leaves_width_and_classes_to_the_weights():
    network = load_recipe("ca_mobilenetv2").network
    assert (network.attention, network.width, network.classes) == ("ca", None, None)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"input": {"sise": [1, 1]}}, "unknown key 'input.sise' (did you mean 'size'?)"),
        ({"inptu": {}}, "unknown key 'inptu' (did you mean 'input'?)"),
        ({"tolerances": {"int8": {"min_sqnr": 1}}}, "(did you mean 'min_sqnr_db'?)"),
        ({"name": "other"}, "the file's name is the recipe's name"),
        ({"targets": ["androd"]}, "targets.0: Input should be 'android'"),
        ({"targets": []}, "targets: Tuple should have at least 1 item"),
        ({"input": {"size": [0, 8]}}, "input.size.0: Input should be greater than 0"),
        ({"input": {"std": [1, 0, 1]}}, "input.std.1: Input should be greater than 0"),
        ({"input": {"mean": [float("nan"), 0, 0]}}, "input.mean.0: Input should be a finite number"),
        ({"input": {"resize": 8}}, "resize = 8 is smaller than the crop"),
        ({"input": {"resize": 256, "crop": "none"}}, "resize has no effect"),
        ({"formulations": {"x68": {}}}, "formulations.x68.[key]: Input should be 'android'"),
        ({"formulations": {"x86": {"int8": {"a.b": {"poolin": "mean"}}}}}, "(did you mean 'pooling'?)"),
        ({"formulations": {"x86": {"int8": {"a.b": {"gates": "x"}}}}}, "Input should be 'as-written'"),
        ({"calibration": {"count": 3}}, "calibration.count: Input should be greater than or equal to 16"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line_that_names_the_key(table, message):
    with pytest.raises(UserError) as caught:
        parse_recipe(table, Path("mine.toml"))
    assert str(caught.value).startswith("mine.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_says_which_was_meant():
    with pytest.raises(UserError, match=r"did you mean 'ca_mobilenetv2'\?"):
        load_recipe("ca_mobilnetv2")


@pytest.mark.parametrize(("content", "reason"), [(b"a = ", "not valid TOML"), (b"\xff", "not valid TOML")])
def test_a_file_that_is_not_toml_is_refused(tmp_path, content, reason):
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        load_recipe(str(tmp_path / "bad.toml"))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read the recipe"):
        load_recipe(str(tmp_path / "missing.toml"))


def test_paths_in_a_recipe_start_at_the_recipe(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text('weights = "w.pth"\nlabels = "labels.txt"\n')
    (tmp_path / "labels.txt").write_text("cat\n\ndog\n")
    monkeypatch.chdir("/")
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert recipe.weights_path() == tmp_path / "w.pth"
    assert recipe.label_names() == ("cat", "dog")


def test_a_missing_label_file_is_refused(tmp_path):
    recipe = parse_recipe({"labels": "none.txt"}, tmp_path / "mine.toml")
    with pytest.raises(UserError, match=r"none\.txt: cannot read the labels"):
        recipe.label_names()


def test_another_input_size_keeps_the_proportion_of_the_resize():
    spec = InputSpec(size=(224, 224), resize=256).at_size(112, 112)
    assert (spec.size, spec.resize) == ((112, 112), 128)
    assert InputSpec().at_size(96, 160).resize is None


def test_a_recipe_s_identity_is_what_it_says(tmp_path):
    one = parse_recipe({"description": "x"}, tmp_path / "a.toml")
    same = parse_recipe({"description": "x"}, Path("elsewhere/a.toml"))
    other = parse_recipe({"description": "y"}, tmp_path / "a.toml")
    assert one.sha256() == same.sha256() != other.sha256()
