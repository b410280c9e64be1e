"""Commands about other machines: archives, and servers of models."""
