"""A pytest plugin (-p no_skips) for CI: a skipped test, or one that is expected to fail, fails the run."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    missed = [kind for kind in ("skipped", "xfailed") if reporter.stats.get(kind)]
    if missed and exitstatus == pytest.ExitCode.OK:
        reporter.write_line("")
        reporter.write_line(f"{' and '.join(missed)} tests are failures here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
