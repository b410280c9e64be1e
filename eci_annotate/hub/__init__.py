"""The service that runs next to JupyterHub, and its pages."""
