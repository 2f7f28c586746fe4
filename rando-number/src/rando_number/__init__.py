"""Random numbers by the call, sold with prepaid credits."""
