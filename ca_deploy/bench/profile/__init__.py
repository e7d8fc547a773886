"""What each operator of a `.tflite` file costs, and what attention costs inside the model."""
