"""From a PyTorch MobileNet with coordinate attention to verified, quantized Android and iOS models."""

__version__ = "0.1.0"
