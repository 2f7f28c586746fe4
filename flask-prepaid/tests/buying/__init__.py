"""Stories of buying, told on the emulator."""
