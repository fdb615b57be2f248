"""The settings page: the own profile, the station's channels and team, and the health of the machine."""
