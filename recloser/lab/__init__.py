"""The laboratory: a local AWS, a twin of CloudWatch's alarms, and what is tried out on them (extra `lab`)."""
