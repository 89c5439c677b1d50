"""The demonstration: a deployed breaker trips on a real outage and recovers, on a local AWS.

scenario    what is done, and when
callers     who calls: a deployed Lambda function in several execution environments
observer    what is seen
live_view   how it is shown while it happens
report      the figures, computed from what was seen
timeline    the picture
"""
