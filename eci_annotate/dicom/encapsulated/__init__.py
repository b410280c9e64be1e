"""Compressed pixels: what their fragments and codestreams say, beside what the header says."""
