"""Messages in and out: the thread with one listener on one channel, and the service window."""
