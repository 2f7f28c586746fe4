"""What ``campaigns/failover.py`` is made of: its programs, three nodes and their etcd, callers, and events.

The nodes are configured by ``deploy/ha/patroni.yaml``, with addresses of this machine.
"""
