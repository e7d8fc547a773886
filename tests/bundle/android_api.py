"""What the generated Kotlin calls on a phone, declared as the API references of its libraries do."""

DECLARATIONS = {
    "android.content": """
        abstract class Context { abstract val assets: android.content.res.AssetManager }
    """,
    "android.content.res": """
        abstract class AssetManager {
            abstract fun open(fileName: String): java.io.InputStream
            abstract fun openFd(fileName: String): AssetFileDescriptor
        }
        abstract class AssetFileDescriptor : java.io.Closeable {
            abstract val startOffset: Long
            abstract val declaredLength: Long
            abstract fun createInputStream(): java.io.FileInputStream
        }
    """,
    "android.graphics": """
        abstract class Bitmap {
            abstract val width: Int
            abstract val height: Int
            abstract fun getPixels(
                pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int
            )
            companion object {
                fun createBitmap(source: Bitmap, x: Int, y: Int, width: Int, height: Int): Bitmap = TODO()
                fun createScaledBitmap(
                    src: Bitmap, dstWidth: Int, dstHeight: Int, filter: Boolean
                ): Bitmap = TODO()
            }
        }
    """,
    "org.tensorflow.lite": """
        class Interpreter(byteBuffer: java.nio.ByteBuffer, options: Options) : AutoCloseable {
            class Options { fun setNumThreads(numThreads: Int): Options = this }
            fun run(input: Any, output: Any) {}
            override fun close() {}
        }
    """,
    "com.google.mediapipe.framework.image": """
        abstract class MPImage : java.io.Closeable
        class BitmapImageBuilder(bitmap: android.graphics.Bitmap) { fun build(): MPImage = TODO() }
    """,
    "com.google.mediapipe.tasks.components.containers": """
        abstract class Category {
            abstract fun score(): Float
            abstract fun index(): Int
            abstract fun categoryName(): String
        }
        abstract class Classifications { abstract fun categories(): List<Category> }
        abstract class ClassificationResult { abstract fun classifications(): List<Classifications> }
    """,
    "com.google.mediapipe.tasks.core": """
        abstract class BaseOptions {
            abstract class Builder {
                abstract fun setModelAssetPath(value: String): Builder
                fun build(): BaseOptions = TODO()
            }
            companion object { fun builder(): Builder = TODO() }
        }
    """,
    "com.google.mediapipe.tasks.vision.imageclassifier": """
        import com.google.mediapipe.tasks.components.containers.ClassificationResult
        import com.google.mediapipe.tasks.core.BaseOptions
        abstract class ImageClassifierResult { abstract fun classificationResult(): ClassificationResult }
        abstract class ImageClassifier : AutoCloseable {
            abstract class ImageClassifierOptions {
                abstract class Builder {
                    abstract fun setBaseOptions(baseOptions: BaseOptions): Builder
                    abstract fun setMaxResults(maxResults: Int): Builder
                    fun build(): ImageClassifierOptions = TODO()
                }
                companion object { fun builder(): Builder = TODO() }
            }
            abstract fun classify(image: com.google.mediapipe.framework.image.MPImage): ImageClassifierResult
            companion object {
                fun createFromOptions(
                    context: android.content.Context, options: ImageClassifierOptions
                ): ImageClassifier = TODO()
            }
        }
    """,
}
"""Package → its classes."""
