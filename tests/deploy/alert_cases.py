"""What each alert must do: series, and the labels of what is firing at a time (nothing: it must stay quiet).

Values are promtool's: "0+5x10" is 0, 5, 10, ... one a minute. All series are of one pod unless they say otherwise.
Cases of a day and more are told in steps of ten minutes, since promtool takes a second for each thousand steps."""

from collections import namedtuple

POD = {"job": "customerd", "namespace": "customerd", "instance": "10.0.0.1:8081"}
COUNT, BUCKET = "http_server_request_duration_seconds_count", "http_server_request_duration_seconds_bucket"
DAY = 24 * 60

LONG_STEP_M = 10
LONG = 3 * DAY // LONG_STEP_M + 6

Case = namedtuple("Case", "alert why series at_m firing")


def step_m(case):
    """How far apart its values are."""
    return LONG_STEP_M if case.at_m > DAY // 2 else 1


def series(name, values, **labels):
    inner = ",".join(f'{key}="{value}"' for key, value in {**POD, **labels}.items())
    return {"series": f"{name}{{{inner}}}", "values": values}


def firing(severity, **labels):
    return [{"severity": severity, **labels}]


def of_pod(severity, **labels):
    return firing(severity, **POD, **labels)


def of_service(severity, **labels):
    return firing(severity, namespace="customerd", **labels)


def answers(minutes, errors, of=10000, then=None):
    """`of` requests a step, so many of them 503; `then` (errors, minutes) afterwards."""
    values = {"200": f"0+{of - errors}x{minutes}", "503": f"0+{errors}x{minutes}"}
    if then:
        later_errors, later = then
        last = {"200": (of - errors) * minutes, "503": errors * minutes}
        values["200"] += f" {last['200'] + of}+{of - later_errors}x{later}"
        values["503"] += f" {last['503'] + later_errors}+{later_errors}x{later}"
    return [series(COUNT, values["200"], http_response_status_code="200", error_type=""),
            series(COUNT, values["503"], http_response_status_code="503", error_type="database-unavailable")]


def times(minutes, slow, of=10000):
    """`of` requests a step, so many of them slower than 250 ms; the 503s among them are as slow, and don't count."""
    return [series(COUNT, f"0+{of}x{minutes}", http_response_status_code="200"),
            series(BUCKET, f"0+{of - slow}x{minutes}", http_response_status_code="200", le="0.25"),
            series(COUNT, f"0+{of}x{minutes}", http_response_status_code="503"),
            series(BUCKET, f"0+0x{minutes}", http_response_status_code="503", le="0.25")]


def refused(rate, slug, minutes=20):
    return [series(COUNT, f"0+{rate}x{minutes}", http_response_status_code="503", error_type=slug),
            series(COUNT, f"0+1000x{minutes}", http_response_status_code="200", error_type=""),
            series(COUNT, f"0+300x{minutes}", http_response_status_code="409", error_type=""),
            series(COUNT, f"0+300x{minutes}", http_response_status_code="412", error_type="")]


def operations(failed, slug="database-unavailable"):
    name = "db_client_operation_duration_seconds_count"
    return [series(name, f"0+{failed}x20", shard="1", db_operation_name="create", error_type=slug),
            series(name, f"0+{1000 - failed}x20", shard="1", db_operation_name="GET", error_type=""),
            series(name, "0+1000x20", shard="0", db_operation_name="GET", error_type="")]


def healthy_for(hours, name, values):
    """A counter of a pod that is ready and was started at the beginning."""
    return [series(name, values), series("customerd_ready", f"1x{hours * 60}"),
            series("process_start_time_seconds", f"0x{hours * 60}")]


OTHER = {"instance": "10.0.0.2:8081"}
HEALS = "customerd_store_heals_total"

CASES = [
    Case("CustomerdErrorBudgetBurningFast", "2 % for an hour", answers(70, 200), 65, of_service("page")),
    Case("CustomerdErrorBudgetBurningFast", "0.8 % for six hours", answers(400, 80), 390, of_service("page")),
    Case("CustomerdErrorBudgetBurningFast", "0.5 % is slower", answers(70, 50), 65, []),
    Case("CustomerdErrorBudgetBurningFast", "it was 2 %, and is over", answers(60, 200, then=(0, 40)), 98, []),
    Case("CustomerdErrorBudgetBurningSlowly", "0.4 % for a day", answers(LONG, 40), DAY + 30, of_service("ticket")),
    Case("CustomerdErrorBudgetBurningSlowly", "0.2 % for three days", answers(LONG, 20), 3 * DAY + 30,
         of_service("ticket")),
    Case("CustomerdErrorBudgetBurningSlowly", "0.05 % is within the budget", answers(LONG, 5), DAY - 10, []),
    Case("CustomerdErrorBudgetBurningSlowly", "nobody asks", answers(LONG, 0, of=0), DAY - 10, []),
    Case("CustomerdLatencyBudgetBurningFast", "20 % for an hour", times(70, 2000), 65, of_service("page")),
    Case("CustomerdLatencyBudgetBurningFast", "8 % for six hours", times(400, 800), 390, of_service("page")),
    Case("CustomerdLatencyBudgetBurningFast", "5 % is slower", times(70, 500), 65, []),
    Case("CustomerdLatencyBudgetBurningSlowly", "4 % for a day", times(LONG, 400), DAY + 30, of_service("ticket")),
    Case("CustomerdLatencyBudgetBurningSlowly", "2 % for three days", times(LONG, 200), 3 * DAY + 30,
         of_service("ticket")),
    Case("CustomerdLatencyBudgetBurningSlowly", "0.5 % is within the budget", times(LONG, 50), DAY - 10, []),

    Case("CustomerdAbsent", "no target", [], 4, firing("page")),
    Case("CustomerdAbsent", "all are down", [series("up", "0x10")], 4, firing("page")),
    Case("CustomerdAbsent", "one is up", [series("up", "0x10"), series("up", "1x10", **OTHER)], 4, []),
    Case("CustomerdInstanceDown", "down", [series("up", "0x10"), series("up", "1x10", **OTHER)], 6, of_pod("ticket")),
    Case("CustomerdInstanceDown", "not for long", [series("up", "1x3 0x4")], 7, []),
    Case("CustomerdNoneReady", "no pod", [series("customerd_ready", "1 0x10"), series("customerd_ready", "0x10", **OTHER)], 3,
         of_service("page")),
    Case("CustomerdNoneReady", "one is", [series("customerd_ready", "0x10"), series("customerd_ready", "1x10", **OTHER)], 5,
         []),
    Case("CustomerdNotReady", "not ready", [series("customerd_ready", "0x10"), series("customerd_draining", "0x10")], 6,
         of_pod("ticket")),
    Case("CustomerdNotReady", "since it stops", [series("customerd_ready", "0x10"), series("customerd_draining", "1x10")], 6,
         []),
    Case("CustomerdNotReady", "starting", [series("customerd_ready", "0x3 1x9"), series("customerd_draining", "0x12")], 6,
         []),
    Case("CustomerdRestarting", "five times", [series("process_start_time_seconds", "0 100 200 300 400 500x10")], 10,
         of_pod("ticket")),
    Case("CustomerdRestarting", "twice", [series("process_start_time_seconds", "0 100 200x20")], 10, []),
    Case("CustomerdVersionsMixed", "for an hour", [series("customerd_build_info", "1x90", version="1.0.0"),
                                                   series("customerd_build_info", "1x90", version="1.1.0", **OTHER)], 70,
         of_service("ticket")),
    Case("CustomerdVersionsMixed", "a rolling restart", [series("customerd_build_info", "1x90", version="1.0.0"),
                                                         series("customerd_build_info", "1x20 _x70", version="1.1.0",
                                                                **OTHER)], 70, []),
    Case("CustomerdVersionsMixed", "the same", [series("customerd_build_info", "1x90", version="1.0.0"),
                                                series("customerd_build_info", "1x90", version="1.0.0", **OTHER)], 70, []),

    Case("CustomerdOverloaded", "sheds", refused(5, "overloaded"), 10, of_service("page")),
    Case("CustomerdOverloaded", "sheds no more", [series(COUNT, "0+5x3 15x20", error_type="overloaded")], 12, []),
    Case("CustomerdOverloaded", "other errors", refused(5, "database-unavailable"), 10, []),
    Case("CustomerdConnectionsNearLimit", "1700", [series("customerd_http_connections", "1700x10")], 6, of_pod("ticket")),
    Case("CustomerdConnectionsNearLimit", "1500", [series("customerd_http_connections", "1500x10")], 6, []),
    Case("CustomerdOpenFilesNearLimit", "900 of 1000", [series("process_open_fds", "900x10"),
                                                        series("process_max_fds", "1000x10")], 6, of_pod("ticket")),
    Case("CustomerdOpenFilesNearLimit", "700 of 1000", [series("process_open_fds", "700x10"),
                                                        series("process_max_fds", "1000x10")], 6, []),
    Case("CustomerdMemoryNearLimit", "480 MiB", [series("process_resident_memory_bytes", "503316480x20")], 12,
         of_pod("ticket")),
    Case("CustomerdMemoryNearLimit", "400 MiB", [series("process_resident_memory_bytes", "419430400x20")], 12, []),
    Case("CustomerdLogLinesDropped", "some", [series("customerd_log_lines_dropped_total", "0x5 7x10")], 10, of_pod("ticket")),
    Case("CustomerdLogLinesDropped", "long ago", [series("customerd_log_lines_dropped_total", "0x5 7x40")], 40, []),

    Case("CustomerdAuditLinesDropped", "one", [series("customerd_audit_lines_dropped_total", "0x5 1x10")], 10, of_pod("page")),
    Case("CustomerdAuditLinesDropped", "others only", [series("customerd_audit_lines_dropped_total", "0x10"),
                                                       series("customerd_log_lines_dropped_total", "0x5 7x10")], 10, []),
    Case("CustomerdTlsCertificateEnding", "six days", [series("customerd_tls_certificate_expiry_timestamp_seconds", "518400x80")],
         75, of_pod("ticket")),
    Case("CustomerdTlsCertificateEnding", "two weeks", [series("customerd_tls_certificate_expiry_timestamp_seconds", "1209600x80")],
         75, []),

    Case("CustomerdShardDown", "no pod sees it", [series("customerd_db_slots_served", "10922x10"),
                                                  series("customerd_db_slots_served", "5461x10", **OTHER)], 3,
         of_service("page")),
    Case("CustomerdShardDown", "a pod does", [series("customerd_db_slots_served", "10922x10"),
                                              series("customerd_db_slots_served", "16384x10", **OTHER)], 3, []),
    Case("CustomerdShardDown", "a failover", [series("customerd_db_slots_served", "16384 10922 16384x8")], 2, []),
    Case("CustomerdLaneNotReady", "down", [series("customerd_db_lane_ready", "0x10", shard="2", lane="write"),
                                           series("customerd_db_lane_ready", "1x10", shard="2", lane="read")], 3,
         of_pod("ticket", shard="2", lane="write")),
    Case("CustomerdLaneNotReady", "connects again", [series("customerd_db_lane_ready", "1x3 0 1x10", shard="2", lane="read")],
         4, []),
    Case("CustomerdLaneQueueLong", "400", [series("customerd_db_shard_requests", "400x10", shard="0")], 3,
         of_pod("ticket", shard="0")),
    Case("CustomerdLaneQueueLong", "100", [series("customerd_db_shard_requests", "100x10", shard="0")], 3, []),
    Case("CustomerdTopologyStale", "ten minutes", [series("customerd_db_topology_age_seconds", "0+60x20")], 10,
         of_pod("ticket")),
    Case("CustomerdTopologyStale", "a minute", [series("customerd_db_topology_age_seconds", "60x20")], 10, []),
    Case("CustomerdDatabaseErrors", "10 % of a shard's", operations(100), 12, of_service("page", shard="1")),
    Case("CustomerdDatabaseErrors", "2 %", operations(20), 12, []),
    Case("CustomerdReconnecting", "ten a minute", [series("customerd_db_reconnects_total", "0+10x40")], 35, of_pod("ticket")),
    Case("CustomerdReconnecting", "one a minute", [series("customerd_db_reconnects_total", "0+1x40")], 35, []),
    Case("CustomerdReauthFailing", "one", [series("customerd_db_reauth_failures_total", "0x5 1x10")], 10, of_pod("page")),
    Case("CustomerdReauthFailing", "none", [series("customerd_db_reauth_failures_total", "3x20")], 10, []),

    Case("CustomerdIamRefreshFailing", "again and again",
         [series("customerd_iam_refresh_failures_total", "0+6x10", source="container")], 8, of_pod("ticket", source="container")),
    Case("CustomerdIamRefreshFailing", "once", [series("customerd_iam_refresh_failures_total", "0x3 1x10", source="imds")], 8,
         []),
    Case("CustomerdIamTokenEnding", "two minutes left", [series("customerd_iam_token_valid_seconds", "270-30x10")], 6,
         of_pod("page")),
    Case("CustomerdIamTokenEnding", "renewed in time",
         [series("customerd_iam_token_valid_seconds", "900-60x10 900-60x10 900-60x10")], 22, []),
    Case("CustomerdIamCredentialsEnding", "ended", [series("customerd_iam_credentials_valid_seconds", "200-60x10")], 6,
         of_pod("page")),
    Case("CustomerdIamCredentialsEnding", "an hour", [series("customerd_iam_credentials_valid_seconds", "3600-60x10")], 6, []),

    Case("CustomerdS3RefreshFailing", "again and again",
         [series("customerd_s3_credential_refresh_failures_total", "0+6x10", source="container")], 8, of_pod("ticket", source="container")),
    Case("CustomerdS3RefreshFailing", "once", [series("customerd_s3_credential_refresh_failures_total", "0x3 1x10", source="imds")], 8, []),
    Case("CustomerdS3RefreshFailing", "the database's", [series("customerd_iam_refresh_failures_total", "0+6x10", source="imds")], 8, []),
    Case("CustomerdS3CredentialsEnding", "ended", [series("customerd_s3_credentials_valid_seconds", "200-60x10")], 6, of_pod("page")),
    Case("CustomerdS3CredentialsEnding", "an hour", [series("customerd_s3_credentials_valid_seconds", "3600-60x10")], 6, []),
    Case("CustomerdCacheRefreshFailing", "again and again", [series("customerd_cache_iam_failures_total", "0+6x10")], 8, of_pod("ticket")),
    Case("CustomerdCacheRefreshFailing", "once", [series("customerd_cache_iam_failures_total", "0x3 1x10")], 8, []),
    Case("CustomerdCacheTokenEnding", "two minutes left", [series("customerd_cache_iam_token_valid_seconds", "270-30x10")], 6,
         of_pod("page")),
    Case("CustomerdCacheTokenEnding", "renewed in time",
         [series("customerd_cache_iam_token_valid_seconds", "900-60x10 900-60x10 900-60x10")], 22, []),
    Case("CustomerdObjectsDamaged", "one", [series("customerd_objects_damaged_total", "0x5 1x30")], 20, of_pod("ticket")),
    Case("CustomerdObjectsDamaged", "none", [series("customerd_objects_damaged_total", "3x40")], 20, []),

    Case("CustomerdStoreViolated", "one", [series("customerd_store_violations_total", "0x5 1x30")], 20, of_pod("page")),
    Case("CustomerdStoreViolated", "none", [series("customerd_store_violations_total", "0x40")], 20, []),
    Case("CustomerdStoreRepaired", "an index", [series(HEALS, "0x5 1x30", kind="repaired_index"),
                                                series(HEALS, "0+3x40", kind="released")], 20,
         of_service("page", kind="repaired_index")),
    Case("CustomerdStoreRepaired", "harmless healing", [series(HEALS, "0+3x40", kind="released"),
                                                        series(HEALS, "0+1x40", kind="fenced"),
                                                        series(HEALS, "0x5 1x30", kind="removed_orphan"),
                                                        series(HEALS, "0x40", kind="repaired_claim")], 20, []),
    Case("CustomerdSweeperStuck", "no sweep", healthy_for(1, "customerd_store_sweeps_total", "40x60"), 40, of_pod("ticket")),
    Case("CustomerdSweeperStuck", "sweeps", healthy_for(1, "customerd_store_sweeps_total", "0+6x60"), 40, []),
    Case("CustomerdSweeperStuck", "just started", healthy_for(1, "customerd_store_sweeps_total", "0x60"), 15, []),
    Case("CustomerdScrubberStuck", "no pass", healthy_for(9, "customerd_store_scrub_passes_total", "9x540"), 480,
         of_pod("ticket")),
    Case("CustomerdScrubberStuck", "passes", healthy_for(9, "customerd_store_scrub_passes_total",
                                                         " ".join(f"{n}x21" for n in range(25))), 480, []),
    Case("CustomerdAuthUnavailable", "no keys", refused(5, "auth-unavailable"), 10, of_service("page")),
    Case("CustomerdAuthUnavailable", "other errors", refused(5, "overloaded"), 10, []),
    Case("CustomerdAuthKeysRefreshFailing", "again and again",
         [series("customerd_auth_key_refresh_failures_total", "0+1x60")], 40, of_pod("ticket")),
    Case("CustomerdAuthKeysRefreshFailing", "once", [series("customerd_auth_key_refresh_failures_total", "0x5 1x60")], 40, []),

    # What clients ask for is no alert, however much of it there is.
    *[Case(alert, "409, 412 and 429 are answers", [
        series(COUNT, "0+1000x120", http_response_status_code=status, error_type="") for status in ("409", "412", "429")] + [
        series(BUCKET, "0+1000x120", http_response_status_code=status, le="0.25") for status in ("409", "412", "429")], 110, [])
      for alert in ("CustomerdErrorBudgetBurningFast", "CustomerdErrorBudgetBurningSlowly", "CustomerdLatencyBudgetBurningFast",
                    "CustomerdOverloaded", "CustomerdAuthUnavailable")],
]
