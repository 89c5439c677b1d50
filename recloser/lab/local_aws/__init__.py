"""A whole AWS region on this machine."""
