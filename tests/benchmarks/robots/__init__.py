"""Scripted annotators: they see an image and a noisy belief, use the package's tools, and never read the reference."""
