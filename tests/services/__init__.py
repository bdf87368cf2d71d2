"""The real servers behind the tests: PostgreSQL and Valkey, both from wheels."""
