"""Bars of days that are over, as a vendor tells them, into the lake and the database."""
