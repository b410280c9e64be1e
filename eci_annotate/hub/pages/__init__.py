"""Pages for users without Python, built from what `view` exposes; only passkeys need scripts."""
