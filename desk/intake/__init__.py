"""The front door: deliveries are stored, read, and become messages, cards and jobs."""
