"""Programmes and their editions: one broadcast of a show is an edition."""
