"""Places of the frames of multi-frame files whose modality states them in its own way."""
