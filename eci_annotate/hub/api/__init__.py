"""The API for programs: a bearer token identifies the actor; cookies are ignored."""
