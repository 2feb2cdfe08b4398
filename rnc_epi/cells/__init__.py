"""Checked rows in, cells out: events and person-years by area, sex, age band, period and site."""
