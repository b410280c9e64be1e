"""What a series shows, from its header: the facts that hanging protocols ask for."""
