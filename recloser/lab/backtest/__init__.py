"""What alarms would have done over given metrics."""
