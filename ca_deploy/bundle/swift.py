"""Swift that runs a Core ML package on iOS."""

from __future__ import annotations

from string import Template

from ca_deploy.images import shorter_side
from ca_deploy.recipe import InputSpec

_CLASSIFIER = Template("""\
import CoreGraphics
import CoreML
import CoreVideo
import Foundation

/// Classifies images with $package, which Xcode compiles into the app.
final class Classifier {
    enum Failure: Error { case noModel, noPixels, noScores }

    private let model: MLModel

    /// - Parameter units: `.all` lets Core ML choose among processor, GPU and Neural Engine.
    init(bundle: Bundle = .main, units: MLComputeUnits = .all) throws {
        guard let url = bundle.url(forResource: "$name", withExtension: "mlmodelc")
        else { throw Failure.noModel }
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        model = try MLModel(contentsOf: url, configuration: configuration)
    }

    /// $meaning, the best first. The image may have any size.
    func classify(_ image: CGImage) throws -> [$element] {
        let pixels = MLFeatureValue(pixelBuffer: try Self.pixels(of: image))
        let input = try MLDictionaryFeatureProvider(dictionary: ["image": pixels])
        let output = try model.prediction(from: input)
$read
    }

    /// $crop
    private static func pixels(of image: CGImage) throws -> CVPixelBuffer {
        var buffer: CVPixelBuffer?
        CVPixelBufferCreate(nil, width, height, kCVPixelFormatType_32BGRA, nil, &buffer)
        guard let buffer else { throw Failure.noPixels }
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        guard
            let space = CGColorSpace(name: CGColorSpace.sRGB),
            let context = CGContext(
                data: CVPixelBufferGetBaseAddress(buffer), width: width, height: height, bitsPerComponent: 8,
                bytesPerRow: CVPixelBufferGetBytesPerRow(buffer), space: space,
                bitmapInfo: CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue)
        else { throw Failure.noPixels }
        context.interpolationQuality = .high
        context.draw(image, in: frame(of: image))
        return buffer
    }

    /// Where the whole image lies, in pixels of the input.
    private static func frame(of image: CGImage) -> CGRect {
$frame
    }

    private static let width = $width
    private static let height = $height
}
""")

_LABELLED = """\
        guard let scores = output.featureValue(for: "classLabel_probs") else { throw Failure.noScores }
        return scores.dictionaryValue
            .map { (label: String(describing: $0.key), score: $0.value.doubleValue) }
            .sorted { $0.score > $1.score }"""

_NUMBERED = """\
        guard let scores = output.featureValue(for: "scores")?.multiArrayValue else { throw Failure.noScores }
        return (0..<scores.count).map { (index: $0, score: scores[$0].doubleValue) }
            .sorted { $0.score > $1.score }"""

_CROPPED = Template("""\
        let scale = $resize / CGFloat(min(image.width, image.height))
        let size = CGSize(width: CGFloat(image.width) * scale, height: CGFloat(image.height) * scale)
        let origin = CGPoint(x: (CGFloat(width) - size.width) / 2, y: (CGFloat(height) - size.height) / 2)
        return CGRect(origin: origin, size: size)""")

_STRETCHED = "        CGRect(x: 0, y: 0, width: width, height: height)"


def classifier(package: str, spec: InputSpec, labels: bool) -> str:
    """A class that runs a package of ours.

    Args:
        package: the package's name, with its suffix.
        spec: the recipe's preprocessing.
        labels: whether the package is a classifier.
    """
    height, width = spec.size
    cropped = spec.crop == "center"
    return _CLASSIFIER.substitute(
        package=package,
        name=package.removesuffix(".mlpackage"),
        width=width,
        height=height,
        meaning="Every label with its probability" if labels else "Every class with its probability",
        element="(label: String, score: Double)" if labels else "(index: Int, score: Double)",
        read=_LABELLED if labels else _NUMBERED,
        crop="The centre of the image that training saw, scaled."
        if cropped
        else "The whole image, stretched, as training saw it.",
        frame=_CROPPED.substitute(resize=shorter_side(spec)) if cropped else _STRETCHED,
    )
