"""Every parameter changes something or is refused: a walk over all of them."""
