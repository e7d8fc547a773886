"""evaluate() on a small classifier, whose exported folder is put together by hand."""

import hashlib
import json
import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import ca_deploy
from ca_deploy.bundle.tflite_metadata import (
    ENTRY,
    ImageTensor,
    ModelCard,
    OutputTensor,
    label_file,
    metadata,
    with_files,
)
from ca_deploy.bundle.tflite_metadata import LABELS as LABELS_FILE
from ca_deploy.cli.evaluate import evaluate as command
from ca_deploy.errors import UserError, VerificationError
from ca_deploy.exporters.tflite import Converter
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.recipe import InputSpec, Recipe

LABELS = ("red", "green", "blue")
NETWORK = """
import torch
class Net(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3))
def build():
    return Net()
"""


def classifier(bias):
    """ONNX: the colour of the whole image, with a preference."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Add", ["flat", "bias"], ["logits"]),
    ]
    constant = numpy_helper.from_array(np.array([bias], np.float32), "bias")
    graph = helper.make_graph(nodes, "classifier", [images], [logits], [constant])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """A folder as `export` leaves it, with a user's own network and an artifact that leans towards red."""
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "colours.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "colours", raising=False)
    onnx.save(classifier([0.3, 0, 0]), folder / "model.onnx")
    onnx.save(classifier([0, 0, 0]), folder / "model_exact.onnx")
    recipe = Recipe(
        name="colours", labels=LABELS, input=InputSpec(size=(8, 8), mean=(0, 0, 0), std=(1, 1, 1))
    )
    manifest = {
        "producer": "ca-deploy",
        "recipe": {**recipe.model_dump(mode="json"), "sha256": recipe.sha256()},
        "network": {"factory": "colours:build"},
        "targets": ["android"],
        "optimize": "balanced",
        "seed": 0,
        "min_runtime": None,
        "float_gates": False,
        "calibration": {"images": "noise", "count": 0, "sha256": []},
        "artifacts": [
            {"file": "model.onnx", "status": "passed", "interface": "normalised"},
            {"file": "model_exact.onnx", "status": "passed", "interface": "normalised"},
            {"file": "rejected/model_int8.tflite", "status": "failed", "interface": "normalised"},
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def data(tmp_path):
    """Four images of each colour; one green image is close to red."""
    for label, name in enumerate(LABELS):
        (tmp_path / "data" / name).mkdir(parents=True)
        for shade in range(4):
            colour = [10 * shade, 10 * shade, 10 * shade]
            colour[label] = 200
            if (name, shade) == ("green", 3):
                colour[0] = 180
            Image.new("RGB", (8, 8), tuple(colour)).save(tmp_path / "data" / name / f"{shade}.png")
    return tmp_path / "data"


def test_the_command_fails_where_accuracy_falls_by_more_than_is_accepted(exported, data, capsys):
    command(exported, data, max_drop=8.4, quiet=True)  # one of twelve is 8.33 points
    assert "model_exact.onnx" in capsys.readouterr().out
    with pytest.raises(VerificationError, match=r"--max-drop 8.3: model.onnx loses 8.33 points$"):
        command(exported, data, max_drop=8.3, quiet=True)


def test_the_command_prints_json_with_every_change(exported, data, capsys):
    command(exported, data, json=True)
    leaning, exact = json.loads(capsys.readouterr().out)["artifacts"]
    assert leaning["comparison"]["moves"] == [{"label": 1, "before": 1, "after": 0, "images": 1}]
    assert exact["comparison"]["sqnr_db"]["value"] is None or exact["comparison"]["sqnr_db"]["value"] > 100


def test_artifacts_that_answer_alike_share_one_table(exported, data, capsys):
    command(exported, data, quiet=True)
    assert "model.onnx: changed answers" in capsys.readouterr().out
    (exported / "model_exact.onnx").write_bytes((exported / "model.onnx").read_bytes())
    command(exported, data, quiet=True)
    assert "model.onnx, model_exact.onnx: changed answers" in capsys.readouterr().out


def test_a_drop_from_nothing_is_refused(exported, data):
    manifest_with(exported, network={"path": "gone.pth", "sha256": "0"})
    with pytest.raises(UserError, match="no float network to compare with"):
        command(exported, data, max_drop=1, quiet=True)


@pytest.mark.parametrize("never", [math.nan, math.inf])
def test_a_drop_that_nothing_can_exceed_is_refused_before_anything_is_run(exported, never, tmp_path):
    with pytest.raises(UserError, match=f"--max-drop {never}: give a number"):
        command(exported, tmp_path / "missing", max_drop=never)


def test_a_core_ml_package_is_an_artifact_though_a_folder(exported, data):
    pytest.importorskip("coremltools")
    (exported / "model_fp16.mlpackage").mkdir()
    with pytest.raises(UserError, match=r"Manifest\.json"):  # Core ML's own
        ca_deploy.evaluate(exported / "model_fp16.mlpackage", data=data)


def test_an_export_whose_artifacts_all_failed_is_refused(exported, data):
    artifacts = json.loads((exported / "manifest.json").read_text())["artifacts"]
    manifest_with(exported, artifacts=[one | {"status": "failed"} for one in artifacts])
    with pytest.raises(UserError, match="no artifact in it held its tolerance"):
        ca_deploy.evaluate(exported, data=data)


def manifest_with(folder, **values):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_artifacts_are_judged_beside_the_float_network(exported, data):
    result = ca_deploy.evaluate(exported, data=data)
    assert result.reference.accuracy.top1.value == 1
    assert [one.name for one in result.artifacts] == ["model.onnx", "model_exact.onnx"]
    leaning, exact = (one.accuracy for one in result.artifacts)
    assert leaning.top1.value == 11 / 12
    assert (leaning.comparison.gained, leaning.comparison.lost) == (0, 1)
    assert exact.comparison.agreement.value == 1
    assert exact.comparison.sqnr_db.value > 100
    assert result.warnings == ()


def test_a_folder_of_another_version_says_so(exported, data):
    recipe = json.loads((exported / "manifest.json").read_text())["recipe"]
    manifest_with(exported, recipe={**recipe, "tolerances": {"int3": {}}})
    with pytest.raises(UserError, match=r"another version of ca-deploy exported it .*int3.*; export again"):
        ca_deploy.evaluate(exported, data=data)


def test_the_float_network_needs_no_package_of_another_format(exported, data, monkeypatch):
    manifest_with(exported, formats=["onnx", "coreml"])
    monkeypatch.setattr("ca_deploy.formats.find_spec", lambda package: None)
    assert ca_deploy.evaluate(exported, data=data).reference is not None


def test_images_of_the_calibration_do_not_count(exported, data):
    identity = hashlib.sha256((data / "green/3.png").read_bytes()).hexdigest()
    manifest_with(exported, calibration={"images": "noise", "count": 1, "sha256": [identity]})
    result = ca_deploy.evaluate(exported, data=data)
    assert result.left_out == 1
    assert result.reference.accuracy.images == 11
    assert result.artifacts[0].accuracy.top1.value == 1
    assert "1 were left out because the export was calibrated on them" in result.warnings[0]


def test_nothing_but_calibration_images_is_refused(exported, data):
    identities = [hashlib.sha256(path.read_bytes()).hexdigest() for path in data.rglob("*.png")]
    manifest_with(exported, calibration={"images": "noise", "count": 12, "sha256": identities})
    with pytest.raises(UserError, match="no image is left to judge: 12 were left out"):
        ca_deploy.evaluate(exported, data=data)


def test_one_file_of_an_export_is_judged_like_all(exported, data):
    result = ca_deploy.evaluate(exported / "model.onnx", data=data)
    assert [one.name for one in result.artifacts] == ["model.onnx"]
    assert result.artifacts[0].accuracy.comparison.lost == 1


def test_a_file_of_its_own_needs_a_recipe_and_has_no_comparison(exported, data, tmp_path):
    (tmp_path / "alone.onnx").write_bytes((exported / "model.onnx").read_bytes())
    with pytest.raises(UserError, match="does not say itself how its images are prepared"):
        ca_deploy.evaluate("alone.onnx", data=data)
    (tmp_path / "colours.toml").write_text(
        f"labels = {list(LABELS)}\n[input]\nsize = [8, 8]\nmean = [0, 0, 0]\nstd = [1, 1, 1]\n"
    )
    result = ca_deploy.evaluate("alone.onnx", data=data, recipe="colours.toml")
    assert result.reference is None
    assert result.artifacts[0].accuracy.top1.value == 11 / 12
    assert "nothing to compare it with" in result.warnings[0]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"path": "gone.pth", "sha256": "0"}, "its weights gone.pth are gone"),
        ({"path": "colours.py", "sha256": "0"}, "its weights colours.py have changed"),
        ({"factory": "elsewhere:build"}, "elsewhere"),
    ],
)
def test_a_float_network_that_cannot_be_had_is_no_obstacle(exported, data, network, message):
    manifest_with(exported, network=network)
    result = ca_deploy.evaluate(exported, data=data)
    assert result.reference is None
    assert message in result.warnings[0]
    assert result.artifacts[0].accuracy.comparison is None


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("nowhere", {}, "there is no such file or folder"),
        ("data", {}, "not an exported folder"),
        ("out", {"threads": 0}, "--threads 0"),
        ("out", {"recipe": "ca_mobilenetv2_cifar10"}, "none of the recipe's labels"),
        ("out", {"data": "nowhere"}, "there is no such folder or file"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(exported, data, target, options, message):
    with pytest.raises(UserError, match=message) as caught:
        ca_deploy.evaluate(target, **{"data": data, **options})
    assert "\n" not in str(caught.value)


def test_another_input_size_or_number_of_classes_is_refused(exported, data, tmp_path):
    (tmp_path / "large.toml").write_text(f"labels = {list(LABELS)}\n[input]\nsize = [9, 9]\n")
    with pytest.raises(UserError, match="must be that of the artifact"):
        ca_deploy.evaluate(exported / "model.onnx", data=data, recipe="large.toml")
    (data / "pink").mkdir()
    (tmp_path / "four.toml").write_text("[input]\nsize = [8, 8]\n")
    with pytest.raises(UserError, match=r"has 3 classes, but .* name 4"):
        ca_deploy.evaluate(exported, data=data, recipe="four.toml")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "was not written by ca-deploy"),
        ('{"producer": "ca-deploy"}', "incomplete"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(exported, data, manifest, message):
    (exported / "manifest.json").write_text(manifest)
    with pytest.raises(UserError, match=message):
        ca_deploy.evaluate(exported, data=data)


@pytest.fixture(scope="module")
def converted():
    """The classifier as a .tflite."""
    with Converter() as converter:
        return converter.convert(classifier([0, 0, 0]).SerializeToString()).data


def colours_tflite(data, folder, mean, std):
    """The classifier as a .tflite that states its normalisation and labels."""
    model = TFLiteModel(data)
    card, image = ModelCard("colours", "", "", "", ""), ImageTensor((8, 8), mean, std)
    model.set_metadata(ENTRY, metadata(card, image, [OutputTensor("logits", "", labels=True)]))
    path = folder / "colours.tflite"
    path.write_bytes(with_files(model.dump(), {LABELS_FILE: label_file(LABELS)}))
    return path


def test_a_file_that_describes_itself_needs_no_recipe(converted, tmp_path, data):
    path = colours_tflite(converted, tmp_path, (1.0, 2.0, 3.0), (5.0, 5.0, 5.0))
    result = ca_deploy.evaluate(path, data=data)
    assert result.labels == LABELS
    assert result.artifacts[0].accuracy.top1.value == 1
    assert "those of the file's metadata" in result.warnings[1]


def test_a_class_beyond_the_network_s_is_refused(exported, data):
    table = data / "numbers.csv"
    table.write_text("path,label\nred/0.png,0\nblue/0.png,7\n")
    (data / "unnamed.toml").write_text("[input]\nsize = [8, 8]\n")
    with pytest.raises(UserError, match="an image is of class 7, but there are 3"):
        ca_deploy.evaluate(exported / "model.onnx", data=table, recipe=str(data / "unnamed.toml"))


@pytest.mark.parametrize("kept", [0, 600])
def test_a_broken_file_is_one_line(converted, tmp_path, data, kept):
    (tmp_path / "cut.tflite").write_bytes(converted[:kept])
    with pytest.raises(UserError, match=r"cut\.tflite cannot be loaded by LiteRT: [^\n]+$"):
        ca_deploy.evaluate(tmp_path / "cut.tflite", data=data)


def test_what_a_file_says_of_its_normalisation_goes_before_the_recipe(converted, tmp_path, data):
    path = colours_tflite(converted, tmp_path, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    (tmp_path / "inverted.toml").write_text(
        f"labels = {list(LABELS)}\n[input]\nsize = [8, 8]\nmean = [9, 0, 0]\nstd = [1, 1, 1]\n"
    )
    result = ca_deploy.evaluate(path, data=data, recipe=str(tmp_path / "inverted.toml"))
    assert result.artifacts[0].accuracy.top1.value == 1
