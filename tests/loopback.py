"""Loopback networks of this test run alone, so that two runs on one machine do not meet.

Inherited by what the tests start. 127.70, 127.80 and 127.90 are a running platform's own.
"""

import os

VARIABLE = "RICHESREACH_TEST_NETWORK"

_number = int(os.environ.setdefault(VARIABLE, str(os.getpid() % 30)))

#: First two numbers of the addresses on which tests put servers.
SERVERS = f"127.{100 + _number}"
#: First two numbers of the addresses that a test's tasks get.
TASKS = f"127.{130 + _number}"
#: The same for a second platform of the same run.
OTHER_TASKS = f"127.{190 + _number}"
#: First two numbers of the addresses that a test's local AWS gives to databases and caches.
ALLOTTED = f"127.{160 + _number}"
