"""Pages for people who know no Python, made of what `view` lets out; they work without scripts, but for passkeys."""
