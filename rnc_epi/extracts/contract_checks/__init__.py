"""The defects of an extract: rules as data, one pass of SQL a table, and checks on whole tables."""
