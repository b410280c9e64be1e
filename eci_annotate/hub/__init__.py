"""The service beside JupyterHub, its pages, and the servers that users are given."""
