"""What holds when Tyk fails, and when we fail, whatever the order of things.

    boundaries   where a process can die: around every call and every commit
    world        one developer, a reviewer, Tyk, time
    mornings     where a course may begin, and a copy to start over from
    stories      what people come to do, and what must be true at its end
    deaths       raised and real ones, and what comes after
    commits      who commits: found in the sources, seen in a run
    promises     what must always hold, and what must hold once all is quiet
    test_machine       any order of deeds, faults and deaths (Hypothesis)
    test_crash_points  every story cut at every boundary
    test_crash_found   those are all calls and commits that the sources hold
    test_crash_pairs   cut again while the pieces are picked up (make soak)
    test_fault_table   every outbound handler under every fault
    test_fault_table_live  every call of a click under every fault
    faults, visits, told   its three parts: how a call is spoiled, which clicks call
                       Tyk, and what the person must be told
    accounts, account_rules  the machine's people who sign up, log in, reset and edit

`make soak` runs the same for much longer.
"""

import pytest

# Say what differs, also where the promises are checked outside a test module.
pytest.register_assert_rewrite("tests.reliability.promises")
