"""What a tester does to the emulator: move the clock, make chaos, keep states, add accounts.

Imports ``pages/dashboard/frame`` and what lies below it.
"""
