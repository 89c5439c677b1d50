"""What is wrong with a deployment, and the command that fixes it."""
