"""The generated Kotlin: what it says, and that a compiler takes it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from android_api import DECLARATIONS

from ca_deploy.bundling import bundle
from ca_deploy.runtimes.cache import cached

MODELS = ("model_uint8", "model_fp32_pixels", "model_int8", "model_int16x8", "model_fp32")
COMPILER = "kotlin-compiler@2.4.20"


@pytest.mark.parametrize(
    ("model", "put", "read"),
    [
        ("model_uint8.tflite", "input.put(value.toByte())", "labels[index] to value }"),
        ("model_fp32_pixels.tflite", "input.putFloat(value.toFloat())", "labels[index] to value }"),
        (
            "model_int8.tflite",
            "/ 0.0199999996f) + (-5)).coerceIn(-128, 127)",
            "(value - (-5)) * 0.0199999996f }",
        ),
        (
            "model_int16x8.tflite",
            "/ 9.99999975e-05f) + (0)).coerceIn(-32768, 32767).toShort())",
            "(value - (0)) * 9.99999975e-05f }",
        ),
        ("model_fp32.tflite", "putFloat((value / 255f - MEAN[channel]) / STD[channel])", "to value }"),
    ],
)
def test_it_hands_over_what_the_file_takes(
    exported: Path, tmp_path: Path, model: str, put: str, read: str
) -> None:
    bundle(exported, "android", models=[model], out=tmp_path / "out")
    code = (tmp_path / "out" / "Classifier.kt").read_text()
    assert put in code
    assert read in code
    assert f'const val MODEL = "{model}"' in code
    assert "const val CLASSES = 3" in code
    assert "/ 10" in code  # the shorter side before the crop


def compiler() -> str:
    """The class path of Kotlin's compiler, fetched once."""
    if not (shutil.which("java") and shutil.which("npm")):
        pytest.skip("needs java and npm: apt-get install default-jre-headless npm")

    def fetch(folder: Path) -> None:
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), COMPILER], check=True)

    return str(cached(COMPILER, fetch) / "node_modules" / "kotlin-compiler" / "lib" / "*")


@pytest.mark.devices
def test_a_compiler_takes_it(exported: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for package, classes in DECLARATIONS.items():
        (sources / f"{package}.kt").write_text(f"package {package}\n{classes}")
    for name in MODELS:
        bundle(exported, "android", models=[f"{name}.tflite"], out=tmp_path / name)
        for file in (tmp_path / name).glob("*.kt"):
            code = file.read_text().replace("package com.example.classifier", f"package com.example.{name}")
            (sources / f"{name}.{file.name}").write_text(code)
    command = ["java", "-cp", compiler(), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-reflect"]
    done = subprocess.run(
        [*command, "-Werror", "-d", str(tmp_path / "out.jar"), str(sources)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
