"""The kernel's drawing: annotations as layers, cut by the planes of the panes, as pixels and lines."""
