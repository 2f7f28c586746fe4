"""What every request and answer passes, whatever page it is for: hosts, headers, long answers, health.

May import the limits, the migrations and the models.
"""
