"""`recloser cost`: what a month costs, and how it was estimated."""
