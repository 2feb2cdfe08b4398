"""Registry zone and correlates to incidence for the whole country."""
