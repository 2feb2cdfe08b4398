"""The whole statistical content: arrays in, frozen results out. Knows neither files nor figures."""
