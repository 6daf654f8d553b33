"""Prints, after the tests, the table of what the runs of the model came to."""


def pytest_terminal_summary(terminalreporter):
    rows = [text for reports in terminalreporter.stats.values() for report in reports
            for name, text in getattr(report, "user_properties", []) if name == "row"]
    if rows:
        terminalreporter.section("the model")
        for text in rows:
            terminalreporter.write_line(text)
