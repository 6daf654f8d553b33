"""The fault lab: a real cluster behind fault proxies, services on it, a recorded load, a nemesis, and checkers."""
