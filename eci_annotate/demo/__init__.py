"""Sample work for a new repository and for workshops, on synthetic phantoms."""
