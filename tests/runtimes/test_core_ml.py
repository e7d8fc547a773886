"""Core ML's adapter, with a double of its model: no machine here has Core ML."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("coremltools", reason="Core ML needs the extra ca-deploy[coreml]")
# Importing this brings coremltools, which the line above may have found missing.
from ca_deploy.errors import UserError
from ca_deploy.runtimes.compute_plan import units_of
from ca_deploy.runtimes.core_ml import CoreML


def named(name, **types):
    return SimpleNamespace(name=name, type=SimpleNamespace(**types))


class Model:
    """Predicts the sum over each channel, and keeps what it was given."""

    def __init__(self, path):
        self.path, self.given = path, []

    def get_spec(self):
        image = named("image", imageType=SimpleNamespace(height=4, width=5))
        outputs = [
            named("classLabel"),
            named("logits", multiArrayType=SimpleNamespace(shape=[1, 3])),
        ]
        return SimpleNamespace(description=SimpleNamespace(input=[image], output=outputs))

    def get_compiled_model_path(self):
        return f"{self.path}/compiled.mlmodelc"

    def predict(self, given):
        self.given.append(given["image"])
        return {"classLabel": "cat", "logits": np.asarray(given["image"], np.float32).sum((0, 1))[None]}


def test_pixels_go_in_as_pictures_and_logits_come_out(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 5)).astype(np.float32)
    runtime = CoreML(tmp_path, load=Model)
    assert runtime.inputs[0].shape == (1, 3, 4, 5)
    assert runtime.outputs[0].shape == (1, 3)
    assert runtime.delegate == "units that Core ML chooses"  # there is no plan here
    (logits,) = runtime.run(pixels)
    np.testing.assert_array_equal(logits, pixels.sum((2, 3)))
    assert {(image.mode, image.size) for image in runtime._model.given} == {("RGB", (5, 4))}


def test_a_package_that_does_not_load_is_named(tmp_path):
    def refuse(path):
        raise RuntimeError("Error compiling model\nat length")

    with pytest.raises(UserError, match=r"cannot be loaded by Core ML: Error compiling model$"):
        CoreML(tmp_path, load=refuse)


def test_operators_are_counted_by_the_unit_that_the_plan_prefers():
    units = {name: type(name, (), {})() for name in ("MLNeuralEngineComputeDevice", "MLCPUComputeDevice")}
    engine, cpu = (SimpleNamespace(preferred_compute_device=unit) for unit in units.values())
    planned = {"const": None, "conv": engine, "mul": engine, "softmax": cpu}
    plan = SimpleNamespace(
        model_structure=SimpleNamespace(
            program=SimpleNamespace(
                functions={"main": SimpleNamespace(block=SimpleNamespace(operations=list(planned)))}
            )
        ),
        get_compute_device_usage_for_mlprogram_operation=planned.__getitem__,
    )
    assert units_of(plan) == "Neural Engine 2, CPU 1"
