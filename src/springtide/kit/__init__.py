"""The kit knows nothing of shops: money, time, ids, errors, database, registry, idempotency."""
