"""What holds when Tyk fails, and when we fail, whatever the order of things.

    boundaries   where a process can die: around every call and every commit
    world        one developer, a reviewer, Tyk, time; a copy to start over from
    promises     what must always hold, and what must hold once all is quiet
    test_machine       any order of deeds, faults and deaths (Hypothesis)
    test_crash_points  every story cut at every boundary
    test_fault_table   every outbound handler under every fault

`make soak` runs the same for much longer.
"""

import pytest

# Say what differs, also where the promises are checked outside a test module.
pytest.register_assert_rewrite("tests.reliability.promises")
