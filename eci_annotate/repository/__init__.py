"""The application: `Backend` and `Images`, and the handles that a notebook holds. `open` is the way in."""
