"""What each operator of a `.tflite` file costs on this machine, and what attention costs inside the model."""
