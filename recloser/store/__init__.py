"""Stores circuits and permits."""
