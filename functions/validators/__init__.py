"""Validators of the events that the functions receive, made from events/schemas (`make validators`)."""
