"""The only code that uses a database: events, blobs, drafts. It knows neither images nor annotations."""
