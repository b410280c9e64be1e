"""What hospitals' proxies send: their credentials, the files that arrive, and the subjects that these become."""
