"""What changes circuits: from events to signals to written decisions."""
