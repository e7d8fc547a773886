"""Quantization: calibration sets, activation ranges, and the writers of quantized .tflite files."""
