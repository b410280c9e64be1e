"""One subject: commands, events, state, decisions and views."""
