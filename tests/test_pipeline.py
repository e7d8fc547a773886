"""Whole exports: of the network that ships, and of small networks of a user's own."""

import json
import shutil
import textwrap
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import ca_deploy
from ca_deploy import pipeline
from ca_deploy.artifact import sha256_file
from ca_deploy.errors import UserError
from ca_deploy.quantization.tflite_model import TFLiteModel
from ca_deploy.verify.delegates import check_delegation

ARTIFACTS = [
    "model.onnx",
    "model_fp16.tflite",
    "model_fp32.tflite",
    "model_fp32_pixels.tflite",
    "model_int8.tflite",
    "model_uint8.tflite",
]
FILES = ["manifest.json", *ARTIFACTS, "report.json"]

pytestmark = pytest.mark.slow


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    return ca_deploy.export("ca_mobilenetv2_cifar10", out=tmp_path_factory.mktemp("default") / "out")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Forty small pictures of random blobs."""
    folder = tmp_path_factory.mktemp("photographs")
    random = np.random.default_rng(0)
    for number in range(40):
        blobs = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(blobs).resize((48, 40), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    """Write a module of the user's own and go to its folder."""

    def write(source):
        (tmp_path / "mine.py").write_text("import torch\nfrom torch import nn\n" + textwrap.dedent(source))
        monkeypatch.chdir(tmp_path)
        monkeypatch.delitem(__import__("sys").modules, "mine", raising=False)

    return write


def test_the_default_leaves_exactly_what_it_says(default):
    assert default.passed
    assert names_in(default.folder) == FILES


def test_the_default_holds_its_tolerances(default):
    parities = {one.artifact.name: one.verdict.parity for one in default.exported}
    assert parities["model.onnx"].relative < 1e-4
    assert parities["model_fp32.tflite"].relative < 1e-4
    assert parities["model_fp16.tflite"].sqnr_db > 50
    assert parities["model_int8.tflite"].sqnr_db > 26
    # Pixels in and scores out change nothing in between.
    assert abs(parities["model_uint8.tflite"].sqnr_db - parities["model_int8.tflite"].sqnr_db) < 0.5
    assert parities["model_fp32_pixels.tflite"].relative < 1e-4


def test_attention_is_one_partition_without_transposes(default):
    for name in ("model_fp32.tflite", "model_int8.tflite", "model_uint8.tflite"):
        path = default.folder / name
        found = check_delegation(path)
        assert (found.partitions, found.outside) == (1, ())
        model = TFLiteModel(path.read_bytes())
        assert "TRANSPOSE" not in {model.kind(operator) for operator in model.operators}
    kinds = Counter(node.op_type for node in onnx.load(default.folder / "model.onnx").graph.node)
    assert not kinds.keys() & {"Transpose", "Expand", "BatchNormalization"}


def test_int8_is_a_fraction_of_float32(default):
    int8, fp32 = ((default.folder / f"model_{p}.tflite").stat().st_size for p in ("int8", "fp32"))
    assert int8 / fp32 <= 0.41


def test_the_manifest_names_every_artifact_by_content(default):
    manifest = json.loads((default.folder / "manifest.json").read_text())
    hashes = {one["file"]: one["sha256"] for one in manifest["artifacts"]}
    assert hashes == {name: sha256_file(default.folder / name) for name in ARTIFACTS}
    assert manifest["network"]["attention"] == "ca"
    assert not set(manifest["calibration"]["sha256"]) & set(manifest["parity_images"]["sha256"])


def test_each_tflite_names_its_labels_and_its_oldest_runtime(default):
    manifest = json.loads((default.folder / "manifest.json").read_text())
    oldest = {one["file"]: one["min_runtime"] for one in manifest["artifacts"]}
    integer = dict.fromkeys(("model_int8.tflite", "model_uint8.tflite"), "1.14.0")
    assert oldest == {"model.onnx": None} | dict.fromkeys(ARTIFACTS[1:], "1.15.0") | integer
    for name in ARTIFACTS[1:]:
        path = default.folder / name
        stated = TFLiteModel(path.read_bytes()).metadata("min_runtime_version")
        assert stated == oldest[name].encode().ljust(16, b"\0")
        with zipfile.ZipFile(path) as archive:
            assert archive.read("labels.txt").decode().split() == list(default.plan.recipe.labels)


def test_the_report_says_what_each_pass_did(default):
    report = json.loads((default.folder / "report.json").read_text())
    assert report["schema_version"] == 1
    assert all(one["error"] <= 1e-9 for one in report["passes"])
    assert sum(one["count"] for one in report["passes"]) > 68  # that many BNs alone
    assert all(len(one["latency"]) >= 1 for one in report["artifacts"])


def test_artifacts_are_byte_identical_from_another_folder(default, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = ca_deploy.export("ca_mobilenetv2_cifar10", out="elsewhere")
    for name in ARTIFACTS:
        assert sha256_file(again.folder / name) == sha256_file(default.folder / name), name


def test_a_network_of_the_user_s_own_goes_the_same_way(user_module, photographs):
    user_module(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish())
                self.head = nn.Linear(8, 4)
            def forward(self, x):
                return self.head(self.body(x).mean((2, 3)))
        def build():
            torch.manual_seed(0)
            return Net()
        """
    )
    result = ca_deploy.export(
        model="mine:build", images=photographs, input_size="32x40", precision=["int8", "fp32"]
    )
    assert result.folder == Path("build/build")
    assert names_in(result.folder)[1:-1] == [name for name in ARTIFACTS if "fp16" not in name]
    assert "no recipe given" in result.warnings[0]


def test_files_for_several_images_at_once_are_verified_like_others(user_module, photographs):
    user_module(
        """
        def build():
            torch.manual_seed(0)
            return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.Flatten(), nn.Linear(2048, 4))
        """
    )
    options = {"model": "mine:build", "images": photographs, "input_size": "32", "precision": ["int8"]}
    one, four = (ca_deploy.export(out=f"out{batch}", batch=batch, **options) for batch in (1, 4))
    for alone, together in zip(one.exported, four.exported, strict=True):
        assert together.verdict.parity == alone.verdict.parity
        model = TFLiteModel(together.artifact.path.read_bytes())
        assert [model.shape(index) for index in model.outputs] == [[4, 4]]
    assert json.loads(Path("out4/manifest.json").read_text())["batch"] == 4


def test_two_outputs_and_a_broken_photograph_are_no_obstacle(user_module, photographs, tmp_path):
    user_module(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
                self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
                self.head = nn.Linear(8, 4)
            def forward(self, x):
                x = self.grouped(self.body(x))
                return {"map": x, "classes": self.head(x.mean((2, 3)))}
        def build():
            torch.manual_seed(0)
            return Net()
        """
    )
    shutil.copytree(photographs, "photos")
    Path("photos/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (tmp_path / "two.toml").write_text("[input]\nsize = [32, 32]\n")
    result = ca_deploy.export("two.toml", model="mine:build", images="photos", out="out")
    parities = {one.artifact.name: one.verdict.parity for one in result.exported}
    assert parities["model_fp32.tflite"].relative < 1e-4
    assert parities["model_int8.tflite"].sqnr_db > 20


def test_an_artifact_below_its_tolerance_or_too_new_is_rejected(tmp_path, user_module, photographs):
    layers = "nn.Conv2d(3, 4, 3, 2), nn.Hardswish(), nn.Flatten(), nn.Linear(900, 3)"
    user_module(f"def build(): return nn.Sequential({layers})")
    (tmp_path / "strict.toml").write_text(
        "[input]\nsize = [32, 32]\n[tolerances]\nint8 = { min_sqnr_db = 99 }\n"
    )
    result = ca_deploy.export(
        "strict.toml", model="mine:build", images=photographs, out="out", min_runtime="1.14"
    )
    assert not result.passed
    rewritten = [one for one in result.warnings if "HARD_SWISH written with older operators" in one]
    assert rewritten
    assert all(one.startswith("android, ") for one in rewritten)
    kept = ["model.onnx", "model_fp32.tflite", "model_fp32_pixels.tflite"]
    assert names_in("out") == ["manifest.json", *kept, "rejected", "report.json"]
    failures = {
        one["file"]: one["failures"]
        for one in json.loads(Path("out/manifest.json").read_text())["artifacts"]
        if one["status"] == "failed"
    }
    assert sorted(failures) == [f"rejected/{name}" for name in names_in("out/rejected")]
    assert failures.keys() == {f"rejected/model_{name}.tflite" for name in ("fp16", "int8", "uint8")}
    assert failures["rejected/model_fp16.tflite"] == [
        "--min-runtime 1.14: DEQUANTIZE version 3 needs TFLite 1.15.0"
    ]
    assert "below 99.0 dB" in failures["rejected/model_int8.tflite"][0]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("def build(): return 3", {}, "mine:build"),
        ("build = 3", {}, "mine:build"),
        ("import nonsense", {}, "mine"),
        (
            """
            class Net(nn.Module):
                def forward(self, x):
                    return x if x.sum() > 0 else -x
            def build(): return Net()
            """,
            {},
            "data",
        ),
        ("def build(): return nn.Conv2d(3, 4, 9)", {"input_size": "4"}, "input"),
    ],
)
def test_a_network_that_cannot_be_used_leaves_one_line_and_nothing_else(
    user_module, photographs, tmp_path, source, options, message
):
    user_module(source)
    with pytest.raises(UserError) as caught:
        ca_deploy.export(model="mine:build", images=photographs, out="out", **{"input_size": "32", **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("out").exists()


def test_labels_of_another_length_are_refused(tmp_path):
    shipped = Path(ca_deploy.__file__).parents[1] / "models" / "ca_mobilenetv2_cifar10.safetensors"
    recipe = tmp_path / "short.toml"
    recipe.write_text(f'weights = "{shipped}"\nlabels = ["cat", "dog"]\n[input]\nsize = [64, 64]\n')
    with pytest.raises(UserError, match="2 labels, but the network has 10 classes"):
        ca_deploy.export(str(recipe), out=tmp_path / "out")


def test_a_recipe_that_the_weights_contradict_is_refused(tmp_path):
    shipped = Path(ca_deploy.__file__).parents[1] / "models" / "ca_mobilenetv2_cifar10.safetensors"
    with pytest.raises(UserError, match="se"):
        ca_deploy.export("se_mobilenetv2", weights=shipped, out=tmp_path / "out")


def test_an_unknown_target_of_sensitivity_is_called_by_its_option(tmp_path):
    with pytest.raises(UserError, match=r"^--target adroid: unknown \(did you mean 'android'\?\)"):
        pipeline.sensitivity(tmp_path, target="adroid")
