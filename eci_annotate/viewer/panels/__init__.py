"""The panels around the stage: tools, annotations, form, data, places and signature."""
