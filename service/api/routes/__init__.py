"""One module per resource, each with ``register(app)``."""
