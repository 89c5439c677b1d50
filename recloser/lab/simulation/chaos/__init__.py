"""Random scenarios full of faults, what must hold in all of them, and within which times."""
