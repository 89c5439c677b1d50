"""Changes circuits: events become signals, signals become decisions, decisions are written."""
