"""Ways in: files and folders, C-STORE, and the PACS."""
