"""The only code that knows a database: events, blobs, drafts. It knows no images and no annotations."""
