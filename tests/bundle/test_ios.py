"""What a bundle for iOS holds beside the package."""

from pathlib import Path

import pytest

from ca_deploy.bundle.package import Model, Package
from ca_deploy.bundle.platforms import PLATFORMS
from ca_deploy.errors import UserError
from ca_deploy.recipe import InputSpec, Recipe

IOS = PLATFORMS["ios"]


def model(folder: Path, name: str = "model_fp16.mlpackage") -> Model:
    (folder / name).mkdir()
    (folder / name / "weight.bin").write_bytes(bytes(1_500_000))
    parity = {"sqnr_db": 55.8, "agreement": 1.0, "images": 135}
    return Model(folder / name, "pixels", {"parity": parity, "verified_with": "Core ML 26.1"})


def recipe(**spec: object) -> Recipe:
    return Recipe(name="mine", license="MIT", input=InputSpec(size=(96, 128), **spec))


def test_float16_is_preferred_among_packages(tmp_path):
    names = ("model_int8.mlpackage", "model_fp16.mlpackage", "model_uint8.tflite")
    models = [model(tmp_path, name) for name in names]
    usable = [one for one in models if IOS.usable(one)]
    assert [one.name for one in usable] == list(names[:2])
    assert IOS.preferred(usable) == (models[1],)


def test_a_classifier_reads_labels_and_the_crop_of_training(tmp_path):
    package = Package(recipe(resize=160), ("cat", "dog"), (model(tmp_path),))
    written = IOS.files(package)
    swift = written["Classifier.swift"]
    assert 'forResource: "model_fp16"' in swift
    assert "let scale = 160 / CGFloat(min(image.width, image.height))" in swift
    assert ("width = 128" in swift, "height = 96" in swift) == (True, True)
    assert "classLabel_probs" in swift
    assert "$" not in swift.replace("$0", "").replace("$1", "")
    assert swift.count("{") == swift.count("}")
    for fact in ("1.50 MB", "55.8 dB SQNR", "Core ML 26.1", "MIT", "shorter side becomes 160"):
        assert fact in written["README.md"]


def test_without_labels_and_crop_it_gives_numbers_of_the_stretched_image(tmp_path):
    swift = IOS.files(Package(recipe(crop="none"), None, (model(tmp_path),)))["Classifier.swift"]
    assert "(index: Int, score: Double)" in swift
    assert "CGRect(x: 0, y: 0, width: width, height: height)" in swift


def test_a_bundle_holds_one_package(tmp_path):
    models = (model(tmp_path), model(tmp_path, "model_int8.mlpackage"))
    with pytest.raises(UserError, match="holds one model, not 2"):
        IOS.files(Package(recipe(), None, models))
