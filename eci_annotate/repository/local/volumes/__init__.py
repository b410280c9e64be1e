"""Images of subjects: which archive holds them, their stacks, their volumes on the disk, and their seals."""
