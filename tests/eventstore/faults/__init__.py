"""What can go wrong around the event store: one file for each fault, on real servers and processes.

After each of these tests the store's own check has to find nothing: see conftest.py.
"""
