"""What runs in callers: one breaker, its guard, and what they know."""
