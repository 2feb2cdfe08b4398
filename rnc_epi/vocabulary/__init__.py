"""What words mean: areas, ages, periods, sites, standards, schemas, errors. No input, no output."""
