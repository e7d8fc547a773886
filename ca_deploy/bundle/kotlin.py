"""Kotlin that runs a model on Android: with LiteRT's Interpreter, and with MediaPipe Tasks."""

from __future__ import annotations

from string import Template

from ca_deploy.artifact import Interface
from ca_deploy.bundle.signature import Signature
from ca_deploy.images import shorter_side
from ca_deploy.recipe import InputSpec
from ca_deploy.runtimes.protocol import Quantization, TensorInfo

_LITERT = Template("""\
package com.example.classifier // yours

import android.content.Context
import android.graphics.Bitmap
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/** Classifies bitmaps with $file. Not thread-safe: use one per thread. */
class Classifier(context: Context, threads: Int = 4) : AutoCloseable {
    private val labels = $labels
    private val interpreter = Interpreter(
        context.assets.openFd(MODEL).use { file ->
            file.createInputStream().channel.map(
                FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength
            )
        },
        Interpreter.Options().setNumThreads(threads),
    )
    private val pixels = IntArray(WIDTH * HEIGHT)
    private val input = ByteBuffer.allocateDirect(WIDTH * HEIGHT * 3 * $bytes).order(ByteOrder.nativeOrder())
    private val output = Array(1) { $row(CLASSES) }

    /** $meaning of each class, the best first. The bitmap may have any size; its format is ARGB_8888. */
    fun classify(bitmap: Bitmap): List<Pair<String, Float>> {
        prepared(bitmap).getPixels(pixels, 0, WIDTH, 0, 0, WIDTH, HEIGHT)
        input.rewind()
        for (pixel in pixels) {
            for (channel in 0..2) { // red, green, blue
                val value = (pixel shr (16 - 8 * channel)) and 0xFF
                $put
            }
        }
        interpreter.run(input, output)
        return output[0]
            .mapIndexed { index, value -> labels[index] to $number }
            .sortedByDescending { it.second }
    }

    $prepared

    override fun close() = interpreter.close()

    private companion object {
        const val MODEL = "$file"
        const val WIDTH = $width
        const val HEIGHT = $height
        const val CLASSES = $classes
$constants    }
}
""")

_MEDIAPIPE = Template("""\
package com.example.classifier // yours

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.components.containers.Category
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier.ImageClassifierOptions

/** Classifies bitmaps with $file. Labels and normalisation are in the file. */
class MediaPipeClassifier(context: Context, best: Int = 5) : AutoCloseable {
    private val classifier = ImageClassifier.createFromOptions(
        context,
        ImageClassifierOptions.builder()
            .setBaseOptions(BaseOptions.builder().setModelAssetPath("$file").build())
            .setMaxResults(best)
            .build(),
    )

    /** The best classes with their scores. MediaPipe stretches the bitmap to $width x $height pixels. */
    fun classify(bitmap: Bitmap): List<Category> =
        classifier.classify(BitmapImageBuilder(bitmap).build())
            .classificationResult().classifications().first().categories()

    override fun close() = classifier.close()
}
""")

_CROPPED = Template("""\
/** The centre of the bitmap that training saw: shorter side to $resize, then $width x $height of it. */
    private fun prepared(bitmap: Bitmap): Bitmap {
        val scale = minOf(bitmap.width, bitmap.height).toFloat() / $resize
        val width = minOf(bitmap.width, Math.round(WIDTH * scale))
        val height = minOf(bitmap.height, Math.round(HEIGHT * scale))
        val left = (bitmap.width - width) / 2
        val top = (bitmap.height - height) / 2
        val crop = Bitmap.createBitmap(bitmap, left, top, width, height)
        return Bitmap.createScaledBitmap(crop, WIDTH, HEIGHT, true)
    }""")

_STRETCHED = """\
/** The whole bitmap, stretched, as training saw it. */
    private fun prepared(bitmap: Bitmap): Bitmap = Bitmap.createScaledBitmap(bitmap, WIDTH, HEIGHT, true)"""

_ARRAYS = {"float32": "FloatArray", "int8": "ByteArray", "int16": "ShortArray"}
_INTEGERS = {"int8": ("put", -128, 127, "toByte"), "int16": ("putShort", -32768, 32767, "toShort")}
"""How a buffer takes an integer, its range, and its conversion from Int."""


def litert_classifier(
    file: str, signature: Signature, interface: Interface, spec: InputSpec, labels: bool
) -> str:
    """A class that runs a .tflite with LiteRT's Interpreter.

    Args:
        file: the model's name in the app's assets.
        signature: its tensors.
        interface: what it takes.
        spec: the recipe's preprocessing.
        labels: whether `labels.txt` lies beside it.
    """
    height, width = spec.size
    crop = spec.crop == "center"
    return _LITERT.substitute(
        file=file,
        width=width,
        height=height,
        classes=signature.classes,
        labels='context.assets.open("labels.txt").bufferedReader().readLines()'
        if labels
        else "List(CLASSES) { it.toString() }",
        bytes=signature.image.dtype.itemsize,
        row=_ARRAYS[signature.row.dtype.name],
        put=_put(signature.image, interface),
        number=_number(signature.row.quantization),
        meaning="The probability" if interface == "pixels" else "The logit",
        prepared=_CROPPED.substitute(resize=shorter_side(spec), width=width, height=height)
        if crop
        else _STRETCHED,
        constants="" if interface == "pixels" else _normalisation(spec),
    )


def mediapipe_classifier(file: str, spec: InputSpec) -> str:
    """A class that runs a .tflite with MediaPipe Tasks."""
    height, width = spec.size
    return _MEDIAPIPE.substitute(file=file, width=width, height=height)


def _put(image: TensorInfo, interface: Interface) -> str:
    """The statement that puts one value of a pixel, 0 to 255, into the input."""
    if interface == "pixels":
        return "input.put(value.toByte())" if image.dtype.itemsize == 1 else "input.putFloat(value.toFloat())"
    normalised = "(value / 255f - MEAN[channel]) / STD[channel]"
    if image.quantization is None:
        return f"input.putFloat({normalised})"
    scale, zero_point = image.quantization.scales[0], image.quantization.zero_points[0]
    put, lowest, highest, convert = _INTEGERS[image.dtype.name]
    steps = f"Math.round({normalised} / {scale:.9g}f) + ({zero_point})"
    return f"input.{put}(({steps}).coerceIn({lowest}, {highest}).{convert}())"


def _number(quantization: Quantization | None) -> str:
    """The expression that makes a number of what the output stores."""
    if quantization is None:
        return "value"
    return f"(value - ({quantization.zero_points[0]})) * {quantization.scales[0]:.9g}f"


def _normalisation(spec: InputSpec) -> str:
    rows = (("MEAN", spec.mean), ("STD", spec.std))
    return "".join(
        f"        val {name} = floatArrayOf({', '.join(f'{value}f' for value in values)})\n"
        for name, values in rows
    )
