"""Tables in files: CSV in any encoding, XLSX, Parquet, row by row into DuckDB, nothing trusted."""
