"""The service beside JupyterHub and its pages."""
