import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import helper

from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.tflite_model import TFLiteModel


def missing(to_tflite, *nodes, **constants):
    return Simulation(to_tflite(list(nodes), constants)).missing


def test_operators_without_a_kernel_are_named(to_tflite):
    assert missing(to_tflite, helper.make_node("Exp", ["input"], ["logits"])) == ["EXP"]


@pytest.mark.parametrize("fused", ["RELU_N1_TO_1", "TANH"])
def test_fused_activation_functions_without_a_kernel_are_named(to_tflite, fused):
    model = TFLiteModel(to_tflite([helper.make_node("Add", ["input", "input"], ["logits"])], {}))
    model.operators[0].builtinOptions.fusedActivationFunction = getattr(schema.ActivationFunctionType, fused)
    assert Simulation(model.dump()).missing == [f"ADD with fused {fused}"]


@pytest.mark.parametrize("shape", [(3, 64), (192,), (2, 96)])
def test_a_reshape_that_takes_the_images_from_axis_0(to_tflite, shape):
    node = helper.make_node("Reshape", ["input", "shape"], ["logits"])
    assert "RESHAPE across images" in missing(to_tflite, node, shape=np.array(shape))


def test_a_reshape_within_an_image_is_simulated(to_tflite):
    node = helper.make_node("Reshape", ["input", "shape"], ["logits"])
    assert missing(to_tflite, node, shape=np.array([1, 3, 64])) == []


def test_a_transpose_of_the_images_axis(to_tflite):
    node = helper.make_node("Transpose", ["input"], ["logits"], perm=[1, 0, 2, 3])
    assert "TRANSPOSE across images" in Simulation(to_tflite([node], {}, shape=(3, 3, 8, 8))).missing


def test_a_mean_over_the_images(to_tflite):
    node = helper.make_node("ReduceMean", ["input", "axes"], ["logits"], keepdims=1)
    assert missing(to_tflite, node, axes=np.array([0, 2])) == ["MEAN across images"]


def test_images_joined_to_a_constant(to_tflite):
    node = helper.make_node("Concat", ["input", "constant"], ["logits"], axis=1)
    constant = np.ones((1, 1, 8, 8), np.float32)
    assert missing(to_tflite, node, constant=constant) == ["CONCATENATION of constants"]


def test_a_sum_that_lines_images_up_with_another_axis(to_tflite):
    nodes = [
        helper.make_node("Sigmoid", ["input"], ["gate"]),
        helper.make_node("Add", ["input", "gate"], ["logits"]),
    ]
    model = TFLiteModel(to_tflite(nodes, {}))
    gate = model.tensors[int(model.operators[0].outputs[0])]
    gate.shape = [1, 3]
    assert Simulation(model.dump()).missing == ["ADD across images"]
