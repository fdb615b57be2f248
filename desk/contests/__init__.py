"""Campaigns: call-outs with keyword and window, their entries, and exports of them."""
