"""What tools suggest: computed in a thread, shown as outlines, accepted or discarded."""
