"""The stage: messages in, orders out, painting; the browser's half is in `esm/`."""
