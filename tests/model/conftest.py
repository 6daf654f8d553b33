"""Prints, after the tests, the table of what the runs of the model came to."""


def pytest_terminal_summary(terminalreporter):
    rows = [text for reports in terminalreporter.stats.values() for report in reports
            if getattr(report, "when", "") == "call" for name, text in report.user_properties if name == "row"]
    if rows:
        terminalreporter.section("the model")
        for text in rows:
            terminalreporter.write_line(text)
