"""What is measured beside the workloads."""
ALL = {}
QUICK = ()
