"""Django's PostgreSQL backend with an end to every wait: no thread waits for a silent server longer than stated."""
