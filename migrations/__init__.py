"""Alembic migrations, date-first names; shipped in the wheel. Run with ``cuofeng migrate``."""
