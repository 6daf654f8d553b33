"""The README's tour: its commands are run as they stand, and give what it shows; and its tables are the program's own."""

import pathlib
import re
import subprocess

import pytest

README = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text()
STEPS = re.findall(r"```sh\n(.*?)\n```\n```\n(.*?)\n```", README, re.S)


def shape(output):
    """What does not differ from run to run: status lines, header names, the types and members of JSON."""
    lines = re.findall(r"^HTTP/1\.1 \d+ .*$|^[A-Z][A-Za-z-]+(?=: )|(?<=problem:)[a-z-]+|\"[a-z_]+\"(?=:)", output, re.M)
    return [line.rstrip("\r") for line in lines]


@pytest.fixture(scope="module")
def outputs(start_cluster):
    cluster = start_cluster("readme", shards=1, replicas=0)
    script = "".join(f"echo '@@'\n{command}\n" for command, _ in STEPS)
    script = script.replace("http://", "").replace("127.0.0.1:8080", cluster.url.removeprefix("http://"))
    script = script.replace("127.0.0.1:8081", cluster.admin_url.removeprefix("http://"))
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    return run.stdout.split("@@\n")[1:]


def test_the_tour_is_there():
    assert len(STEPS) >= 10


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_a_step_of_the_tour_gives_what_it_shows(outputs, step):
    command, shown = STEPS[step]
    if "/readyz" in command:
        assert '"ready":true' in outputs[step] and '"ready":true' in shown
    else:
        assert shape(outputs[step]) == shape(shown), command


@pytest.mark.parametrize("command", ["config --reference", "config --problems"])
def test_a_table_is_what_the_program_prints(binary, command):
    printed = subprocess.run([str(binary), *command.split()], capture_output=True, text=True, timeout=10).stdout.strip()
    table = re.search(rf"<!-- [a-z]+: customerd {command} -->\n(.*?)\n<!-- end -->", README, re.S)
    assert table and table.group(1).strip() == printed
