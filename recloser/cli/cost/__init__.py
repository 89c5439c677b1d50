"""`recloser cost`: what a month costs, and how that was reckoned."""
