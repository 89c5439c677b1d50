"""Where circuits and permits are kept."""
