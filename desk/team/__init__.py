"""The team among itself: its line during the day, and the hand-over from one shift to the next."""
