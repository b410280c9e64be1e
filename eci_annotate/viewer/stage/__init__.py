"""The stage: what is on the screen. Messages in, orders out, painting; the browser's half is in `esm/`."""
