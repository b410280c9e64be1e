"""Reads files of strangers: in this process, or in processes that hold no key, have limits, and reach no file."""
