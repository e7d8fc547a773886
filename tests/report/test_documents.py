from importlib.metadata import version
from importlib.util import find_spec

import pytest

from ca_deploy.report.documents import versions


def test_the_manifest_names_the_packages_that_shape_every_artifact():
    found = versions(["onnx", "tflite"])
    assert found["torch"] == version("torch")
    assert not found.keys() & {"coremltools", "executorch"}


@pytest.mark.parametrize(("name", "package"), [("coreml", "coremltools"), ("executorch", "executorch")])
def test_an_optional_format_s_package_is_among_them(name, package):
    if find_spec(package) is None:
        pytest.skip(f"the extra {name} is not installed")
    assert versions([name])[package] == version(package)
