"""Facts become sentences, shapes and tables: no SQL. Uses reports and below."""
