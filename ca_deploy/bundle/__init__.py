"""What an app needs beside the weights: metadata in the model, labels, and the files around it."""
