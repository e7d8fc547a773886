"""Quantization of a PyTorch graph, for the writers of files that are no .tflite."""
