"""Who writes to the station: a listener is a person, an address is (channel, external id)."""
