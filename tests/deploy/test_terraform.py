"""The Terraform module and its example: formed and whole, least rights, and outputs that the overlays take as they are.

Where terraform is installed it checks the form, the variables and the outputs too; it needs no provider for that."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from access_string import access_string
from conftest import OVERLAYS
from terraform_files import Module
from test_kubernetes import one

TERRAFORM = shutil.which("terraform")

# What each resource takes: the provider's documentation, version 6. Blocks and meta-arguments stand with them.
META = {"count", "for_each", "lifecycle", "tags", "depends_on"}
ARGUMENTS = {
    "aws_memorydb_user": "user_name access_string authentication_mode",
    "aws_memorydb_acl": "name name_prefix user_names",
    "aws_memorydb_subnet_group": "name name_prefix description subnet_ids",
    "aws_memorydb_parameter_group": "name name_prefix description family parameter",
    "aws_memorydb_cluster": "acl_name node_type name name_prefix description engine engine_version num_shards "
                            "num_replicas_per_shard subnet_group_name security_group_ids parameter_group_name port "
                            "tls_enabled kms_key_arn auto_minor_version_upgrade data_tiering maintenance_window "
                            "snapshot_window snapshot_retention_limit snapshot_name snapshot_arns final_snapshot_name "
                            "sns_topic_arn multi_region_cluster_name",
    "aws_security_group": "name name_prefix description vpc_id",
    "aws_vpc_security_group_ingress_rule": "security_group_id referenced_security_group_id ip_protocol from_port to_port "
                                           "description cidr_ipv4",
    "aws_iam_role": "name name_prefix description assume_role_policy max_session_duration path permissions_boundary",
    "aws_iam_role_policy": "name role policy",
    "aws_eks_pod_identity_association": "cluster_name namespace service_account role_arn",
    "aws_cloudwatch_metric_alarm": "alarm_name alarm_description namespace metric_name statistic dimensions "
                                   "comparison_operator threshold period evaluation_periods datapoints_to_alarm "
                                   "treat_missing_data alarm_actions ok_actions",
    "aws_sns_topic": "name", "aws_sns_topic_subscription": "topic_arn protocol endpoint",
    "aws_eks_addon": "cluster_name addon_name",
    "aws_vpc_endpoint": "vpc_id service_name vpc_endpoint_type subnet_ids security_group_ids private_dns_enabled",
    "aws_ecr_repository": "name image_tag_mutability image_scanning_configuration",
    "aws_elasticache_subnet_group": "name description subnet_ids",
    "aws_elasticache_parameter_group": "name description family parameter",
    "aws_elasticache_user": "access_string engine user_id user_name authentication_mode no_password_required passwords",
    "aws_elasticache_user_group": "engine user_group_id user_ids",
    "aws_elasticache_replication_group": "replication_group_id description engine engine_version auto_minor_version_upgrade "
                                         "parameter_group_name node_type num_node_groups replicas_per_node_group "
                                         "automatic_failover_enabled multi_az_enabled subnet_group_name security_group_ids port "
                                         "user_group_ids transit_encryption_enabled transit_encryption_mode kms_key_id "
                                         "at_rest_encryption_enabled snapshot_retention_limit notification_topic_arn",
    "aws_s3_bucket_notification": "bucket eventbridge",
    "aws_cloudwatch_event_rule": "name name_prefix description event_pattern event_bus_name schedule_expression role_arn state",
    "aws_cloudwatch_event_connection": "name description authorization_type auth_parameters invocation_http_parameters",
    "aws_cloudwatch_event_api_destination": "name description invocation_endpoint http_method invocation_rate_limit_per_second "
                                            "connection_arn",
    "aws_cloudwatch_event_target": "rule arn role_arn target_id event_bus_name retry_policy dead_letter_config http_target",
    "aws_sqs_queue": "name message_retention_seconds sqs_managed_sse_enabled kms_master_key_id visibility_timeout_seconds",
    "aws_sqs_queue_policy": "queue_url policy",
}

# Good and bad values of what is given as text; the others are bounded numbers, or follow from these.
VALUES = {
    "name": (["customerd", "a", "customers-eu1"], ["Customerd", "1a", "a--b", "a-", "a" * 37, "", "a_b"]),
    "user_name": (["customerd", "svc-1"], ["default", "Customerd", "1a", "", "a" * 41]),
    "vpc_id": (["vpc-0123abcd"], ["0123abcd", "vpc-", "vpc-XYZ", ""]),
    "subnet_ids": ([["subnet-1a", "subnet-2b"]], [[], ["subnet-1a"], ["subnet-1a", "sg-2b"]]),
    "client_security_group_ids": ([["sg-1a"]], [[], ["subnet-1a"]]),
    "engine": (["valkey", "redis"], ["Valkey", "memcached", ""]),
    "engine_version": (["7.0", "7.3"], ["6.2", "7", "7.0.1", "latest"]),
    "node_type": (["db.r7g.large", "db.t4g.small"], ["r7g.large", "db.r7g", "cache.r7g.large"]),
    "shards": ([1, 2, 256], [0, 257, 1.5]),
    "replicas_per_shard": ([1, 5], [0, 6, 1.5]),
    "kms_key_arn": (["arn:aws:kms:eu-west-1:123456789012:key/ab-cd"], ["alias/x", "arn:aws:kms:eu-west-1:1:key/x", ""]),
    "snapshot_retention_days": ([1, 35], [0, 36]),
    "snapshot_window": (["02:00-03:00", "23:30-00:30"], ["2:00-3:00", "24:00-25:00", "02:00"]),
    "snapshot_name": (["customerd-final"], ["Final", ""]),
    "maintenance_window": (["sun:04:00-sun:05:00"], ["04:00-05:00", "son:04:00-son:05:00"]),
    "credentials": (["pod-identity", "irsa"], ["keys", ""]),
    "eks_cluster_name": (["my-cluster_1"], ["", "-a", "a b"]),
    "oidc_provider_arn": (["arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB"],
                          ["oidc.eks.eu-west-1.amazonaws.com/id/AB", ""]),
    "namespace": (["customerd", "a1"], ["Customerd", "-a", "a-", ""]),
    "service_account": (["customerd"], ["Customerd", ""]),
    "alarm_topic_arns": ([[], ["arn:aws:sns:eu-west-1:123456789012:t"]], [["t"], ["arn:aws:sqs:eu-west-1:123456789012:t"]]),
    "tags": ([{}, {"team": "a"}], [{"aws:x": "a"}, {"": "a"}]),
}
# Those of the module objects that it does not share with the other.
OBJECTS_VALUES = {
    "buckets": ([["catalogue"], ["a.b-c", "123"]], [[], ["Catalogue"], ["a"], ["-ab"], ["s3://ab"], ["a" * 64]]),
    "bucket_kms_key_arns": ([[], VALUES["kms_key_arn"][0]], [["alias/x"]]),
    "role_name": (["customerd-eu-west-1"], ["", "a/b", "arn:aws:iam::1:role/x"]),
    "engine_version": (["7.2", "8.0"], ["6.2", "8", "9.0"]),
    "node_type": (["cache.t4g.small", "cache.r7g.large"], ["db.r7g.large", "cache.r7g"]),
    "shards": ([1, 500], [0, 501, 1.5]),
    "replicas_per_shard": ([0, 5], [-1, 6]),
    "events_url": (["https://customers.example.com/objects/events"],
                   ["http://customers.example.com/objects/events", "https://customers.example.com/", "customers.example.com"]),
    "issuer_token_url": (["https://issuer.example.com/oauth/token"], ["http://issuer.example.com/", ""]),
    "issuer_client_id": (["eventbridge"], [""]),
    "issuer_client_secret": (["x"], [""]),
    **{name: VALUES[name] for name in ("name", "user_name", "vpc_id", "subnet_ids", "client_security_group_ids", "alarm_topic_arns",
                                       "tags")},
}


@pytest.fixture(scope="module")
def module(root):
    return Module(root / "build", root / "deploy" / "terraform")


@pytest.fixture(scope="module")
def example(root):
    return Module(root / "build", root / "deploy" / "terraform" / "examples" / "eks")


@pytest.fixture(scope="module")
def objects(root):
    return Module(root / "build", root / "deploy" / "terraform" / "objects")


@pytest.fixture(params=["module", "objects", "example"])
def either(request):
    return request.getfixturevalue(request.param)


# ---- form ----

def test_everything_that_is_referred_to_is_declared(either):
    declared = either.declared()
    iterators = {"snapshot_name"}  # attributes in ignore_changes stand bare
    unknown = [name for name in either.references if name not in iterators
               and not any(name == one_of or name.startswith(one_of + ".") for one_of in declared)]
    assert not unknown


def test_everything_that_is_declared_is_used(either):
    used = " ".join(either.references) + " "
    unused = [name for name in either.declared() if name.startswith(("var.", "local.")) and not re.search(
        rf"(^| ){re.escape(name)}[ .]", used)]
    assert not unused


def test_resources_have_only_arguments_that_there_are(either):
    for name, block in either.resources.items():
        kind = name.partition(".")[0]
        unknown = set(block) - META - set(ARGUMENTS[kind].split())
        assert not unknown, f"{name}: {unknown}"


def test_every_variable_and_output_is_described_and_every_variable_validated(either):
    for name, variable in either.variables.items():
        assert variable.get("description", "").endswith("."), name
        assert "type" in variable, name
        assert variable.get("validation") or variable["type"] == "${bool}", f"{name} is not validated"
        for validation in variable.get("validation", []):
            assert f"var.{name}" in validation["condition"] and validation["error_message"].endswith((".", "...")), name
    for name, output in either.outputs.items():
        assert output.get("description", "").endswith("."), name


def test_versions_are_bounded(either):
    required = [block for block in either.settings if "required_version" in block]
    assert len(required) == 1
    aws = required[0]["required_providers"][0]["aws"]
    assert aws["source"] == "hashicorp/aws" and re.fullmatch(r">= 6\.\d+, < 7\.0", aws["version"])


@pytest.mark.parametrize("name, called", [("customerd", "module"), ("objects", "objects")])
def test_the_example_calls_the_modules_rightly(request, example, name, called):
    call, module = example.modules[name], request.getfixturevalue(called)
    given = set(call) - {"source", "count"}
    assert given <= set(module.variables)
    needed = {name for name, variable in module.variables.items() if "default" not in variable}
    assert needed <= given
    text = "".join(path.read_text(encoding="utf-8") for path in example.folder.glob("*.tf"))
    taken = set(re.findall(rf"module\.{name}(?:\[\*\])?\.(\w+)", text))
    assert taken and taken <= set(module.outputs)
    folder = example.folder / call["source"]
    assert folder.resolve() == module.folder.resolve()


def test_the_examples_values_are_those_that_it_asks_for(example):
    text = (example.folder / "terraform.tfvars.example").read_text(encoding="utf-8")
    given = set(re.findall(r"^(\w+) +=", text, re.M))
    needed = {name for name, variable in example.variables.items() if "default" not in variable}
    assert needed <= given <= set(example.variables)


# ---- what it makes ----

def resource(module, name):
    return module.resources[name]


def test_the_cluster_is_safe(module):
    cluster = resource(module, "aws_memorydb_cluster.this")
    assert cluster["tls_enabled"] is True
    assert cluster["acl_name"] == "${aws_memorydb_acl.this.name}"
    assert cluster["kms_key_arn"] == "${var.kms_key_arn}"
    assert cluster["num_replicas_per_shard"] == "${var.replicas_per_shard}"
    assert cluster["snapshot_retention_limit"] == "${var.snapshot_retention_days}"
    assert cluster["final_snapshot_name"] and cluster["engine"] and cluster["engine_version"]
    group = resource(module, "aws_memorydb_parameter_group.this")
    assert group["parameter"] == [{"name": "maxmemory-policy", "value": "noeviction"}]
    assert module.locals["family"] == 'memorydb_${var.engine}${split(".", var.engine_version)[0]}'


def test_the_user_signs_in_by_iam_and_has_the_access_string_of_the_file(module):
    user = resource(module, "aws_memorydb_user.this")
    assert user["authentication_mode"] == [{"type": "iam"}]
    assert user["access_string"] == "${local.access_string}"
    assert 'file("${path.module}/access-string")' in module.locals["access_rules"]
    assert (module.folder / "access-string").exists()
    assert resource(module, "aws_memorydb_acl.this")["user_names"] == ["${aws_memorydb_user.this.user_name}"]


def test_only_clients_reach_the_database(module):
    group, rule = resource(module, "aws_security_group.database"), resource(
        module, "aws_vpc_security_group_ingress_rule.client")
    assert "ingress" not in group and "egress" not in group
    assert rule["from_port"] == rule["to_port"] == "${local.port}" and module.locals["port"] == 6379
    assert rule["referenced_security_group_id"] == "${each.value}" and "cidr_ipv4" not in rule


def policy(module, name):
    """The document of an aws_iam_policy_document as IAM gets it."""
    statements = []
    for block in module.data[f"aws_iam_policy_document.{name}"]["statement"]:
        statement = {"Sid": block["sid"], "Effect": block.get("effect", "Allow"), "Action": block["actions"]}
        if "resources" in block:
            statement["Resource"] = block["resources"]
        for principals in block.get("principals", []) if isinstance(block.get("principals"), list) else [
                block["principals"]] if "principals" in block else []:
            statement.setdefault("Principal", {})[principals["type"]] = principals["identifiers"]
        for condition in block.get("condition", []):
            statement.setdefault("Condition", {}).setdefault(condition["test"], {})[condition["variable"]] = condition["values"]
        statements.append(statement)
    return statements


def test_the_role_may_sign_in_and_nothing_else(module):
    assert policy(module, "connect") == [{
        "Sid": "SignIn", "Effect": "Allow", "Action": ["memorydb:Connect"],
        "Resource": ["${aws_memorydb_cluster.this.arn}", "${aws_memorydb_user.this.arn}"]}]
    inline = [block for name, block in module.resources.items() if name.startswith("aws_iam_role_policy.")]
    assert [block["policy"] for block in inline] == ["${data.aws_iam_policy_document.connect.json}"]
    assert not [name for name in module.resources if "policy_attachment" in name]


def test_the_role_is_for_one_service_account(module):
    assert policy(module, "pod_identity") == [{
        "Sid": "PodIdentity", "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Principal": {"Service": ["pods.eks.amazonaws.com"]},
        "Condition": {"StringEquals": {"aws:RequestTag/eks-cluster-name": ["${var.eks_cluster_name}"],
                                       "aws:RequestTag/kubernetes-namespace": ["${var.namespace}"],
                                       "aws:RequestTag/kubernetes-service-account": ["${var.service_account}"]}}}]
    assert policy(module, "irsa") == [{
        "Sid": "ServiceAccount", "Effect": "Allow", "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Principal": {"Federated": ['${var.oidc_provider_arn == null ? "" : var.oidc_provider_arn}']},
        "Condition": {"StringEquals": {
            "${local.oidc_issuer}:sub": ["system:serviceaccount:${var.namespace}:${var.service_account}"],
            "${local.oidc_issuer}:aud": ["sts.amazonaws.com"]}}}]
    association = resource(module, "aws_eks_pod_identity_association.this")
    assert association["role_arn"] == "${aws_iam_role.this.arn}"


def test_alarms_say_what_they_mean(module):
    alarms = module.locals["alarms"]
    assert {alarm["metric"] for alarm in alarms.values()} >= {
        "EngineCPUUtilization", "DatabaseMemoryUsagePercentage", "Evictions", "AuthenticationFailures",
        "CommandAuthorizationFailures"}
    for name, alarm in alarms.items():
        assert len(alarm["meaning"]) > 60 and alarm["statistic"] in ("Maximum", "Sum") and alarm["minutes"] >= 1, name
    alarm = resource(module, "aws_cloudwatch_metric_alarm.this")
    assert alarm["dimensions"] == {"ClusterName": "${aws_memorydb_cluster.this.name}"}
    assert alarm["alarm_actions"] == "${var.alarm_topic_arns}"


# ---- objects: the cache, the buckets, what S3 tells ----

def test_the_cache_is_safe_and_evicts(objects):
    cache = resource(objects, "aws_elasticache_replication_group.this")
    assert cache["transit_encryption_enabled"] is True and cache["transit_encryption_mode"] == "required"
    assert cache["at_rest_encryption_enabled"] is True
    assert cache["user_group_ids"] == ["${aws_elasticache_user_group.this.user_group_id}"]
    group = resource(objects, "aws_elasticache_parameter_group.this")
    assert {p["name"]: p["value"] for p in group["parameter"]} == {"cluster-enabled": "yes", "maxmemory-policy": "allkeys-lru"}
    user = resource(objects, "aws_elasticache_user.this")
    assert user["authentication_mode"] == [{"type": "iam"}] and user["user_id"] == user["user_name"]
    assert user["access_string"] == "${local.access_string}" and (objects.folder / "access-string").exists()
    assert resource(objects, "aws_elasticache_user_group.this")["user_ids"] == ["${aws_elasticache_user.this.user_id}"]
    group, rule = resource(objects, "aws_security_group.cache"), resource(objects, "aws_vpc_security_group_ingress_rule.client")
    assert "ingress" not in group and "egress" not in group and "cidr_ipv4" not in rule


def test_the_role_may_reach_the_cache_and_the_buckets_and_nothing_else(objects):
    assert policy(objects, "objects") == [
        {"Sid": "SignIn", "Effect": "Allow", "Action": ["elasticache:Connect"],
         "Resource": ["${aws_elasticache_replication_group.this.arn}", "${aws_elasticache_user.this.arn}"]},
        {"Sid": "Objects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
         "Resource": '${[for arn in local.bucket_arns : "${arn}/*"]}'},
        {"Sid": "List", "Effect": "Allow", "Action": ["s3:ListBucket"],
         "Resource": "${local.bucket_arns}"}]
    assert objects.locals["bucket_arns"] == '${[for name in var.buckets : "arn:${data.aws_partition.current.partition}:s3:::${name}"]}'
    assert [s["Action"] for s in policy(objects, "bucket_keys")] == [["kms:Decrypt", "kms:GenerateDataKey"]]
    roles = {name: block["role"] for name, block in objects.resources.items() if name.startswith("aws_iam_role_policy.")}
    assert roles == {"aws_iam_role_policy.objects": "${var.role_name}", "aws_iam_role_policy.bucket_keys": "${var.role_name}",
                     "aws_iam_role_policy.invoke": "${aws_iam_role.eventbridge[0].id}"}
    assert not [name for name in objects.resources if "policy_attachment" in name]


def test_what_changes_in_the_buckets_is_told_to_the_service(objects):
    assert resource(objects, "aws_s3_bucket_notification.this")["eventbridge"] is True
    pattern = resource(objects, "aws_cloudwatch_event_rule.changed")["event_pattern"]
    for part in ('source        = ["aws.s3"]', '"Object Created", "Object Deleted"', "var.buckets"):
        assert part in pattern, pattern
    destination = resource(objects, "aws_cloudwatch_event_api_destination.customerd")
    assert destination["http_method"] == "POST" and destination["invocation_endpoint"] == "${var.events_url}"
    connection = resource(objects, "aws_cloudwatch_event_connection.issuer")
    assert connection["authorization_type"] == "OAUTH_CLIENT_CREDENTIALS"
    body = connection["auth_parameters"][0]["oauth"][0]["oauth_http_parameters"][0]["body"]
    assert {p["key"]: p["value"] for p in body} == {"grant_type": "client_credentials", "scope": "objects:write"}
    target = resource(objects, "aws_cloudwatch_event_target.customerd")
    assert target["dead_letter_config"] == [{"arn": "${aws_sqs_queue.undelivered[0].arn}"}]
    assert policy(objects, "invoke") == [{"Sid": "Invoke", "Effect": "Allow", "Action": ["events:InvokeApiDestination"],
                                          "Resource": ["${aws_cloudwatch_event_api_destination.customerd[0].arn}"]}]
    assert objects.variables["issuer_client_secret"]["sensitive"] is True
    assert len(resource(objects, "aws_cloudwatch_metric_alarm.undelivered")["alarm_description"]) > 60


# ---- fits to the overlays ----

def test_the_output_has_the_lines_of_the_overlays_file(module, root):
    def names(text):
        return re.findall(r"^(\w+)=", text, re.M)

    made = names(module.outputs["customerd_env"]["value"])
    for overlay in [name for name in OVERLAYS if name.startswith("eks")]:
        there = (root / "deploy" / "kubernetes" / "overlays" / overlay / "database.env").read_text(encoding="utf-8")
        assert made == names(there)
    fixed = dict(re.findall(r"^(\w+)=([\w-]+)$", module.outputs["customerd_env"]["value"], re.M))
    assert fixed == {"CUSTOMERD_DB_AUTH": "iam", "CUSTOMERD_IAM_SERVICE": "memorydb"}


def test_names_are_those_of_the_overlays(module, newest):
    objects = newest["eks-irsa"]
    assert module.variables["namespace"]["default"] == one(objects, "Namespace")["metadata"]["name"]
    assert module.variables["service_account"]["default"] == one(objects, "ServiceAccount")["metadata"]["name"]
    assert module.variables["user_name"]["default"] == one(objects, "ConfigMap")["data"]["CUSTOMERD_DB_USER"]


# ---- variables ----

def accepts(variable, value):
    """What the validations' patterns and lists say; None where they say something else."""
    said = []
    for validation in variable["validation"]:
        condition = validation["condition"]
        for pattern in re.findall(r'regex\("((?:[^"\\]|\\.)*)"', condition):
            pattern = re.sub(r"\\\\", r"\\", pattern)
            values = value if isinstance(value, list) else [value]
            said.append(all(re.search(pattern, str(one_of)) for one_of in values))
        for words in re.findall(r"contains\((\[[^\]]*\])", condition):
            said.append(value in json.loads(words))
        for name, operator, bound in re.findall(r"(\w[\w.(]*\)?) (>=|<=|!=) \"?([\w]+)\"?", condition):
            seen = len(value) if name.startswith("length(var") else value
            if name.startswith(("length(var", "var.")) and bound != "null":
                limit = int(bound) if bound.isdigit() else bound
                said.append({">=": lambda: seen >= limit, "<=": lambda: seen <= limit, "!=": lambda: seen != limit}[operator]())
        if "floor(" in condition:
            said.append(value == int(value))
    return all(said) if said else None


@pytest.mark.parametrize("called, values", [("module", VALUES), ("objects", OBJECTS_VALUES)])
def test_variables_take_what_is_right_and_refuse_what_is_not(request, called, values):
    module = request.getfixturevalue(called)
    assert set(values) == {name for name, variable in module.variables.items() if variable["type"] != "${bool}"}
    for name, (good, bad) in values.items():
        if name == "tags":  # its condition is told apart by terraform alone
            continue
        for value in good:
            assert accepts(module.variables[name], value) is True, f"{name}: {value!r} is refused"
        for value in bad:
            assert accepts(module.variables[name], value) is False, f"{name}: {value!r} is taken"


# ---- where terraform is installed ----

def terraform(*words, cwd):
    run = subprocess.run([TERRAFORM, *words], cwd=cwd, capture_output=True, text=True, timeout=120,
                         env={"PATH": "/usr/bin:/bin", "HOME": str(cwd), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"})
    return run.returncode, run.stdout + run.stderr


if TERRAFORM:
    def test_terraform_finds_the_form_right(root):
        code, said = terraform("fmt", "-check", "-diff", "-recursive", cwd=root / "deploy" / "terraform")
        assert code == 0, said

    def test_terraform_itself_judges_the_variables_so(module, tmp_path):
        shutil.copy(module.folder / "variables.tf", tmp_path)
        right = {name: good[0] for name, (good, _) in VALUES.items()}

        def plan(values):
            (tmp_path / "terraform.tfvars.json").write_text(json.dumps(values), encoding="utf-8")
            return terraform("plan", "-input=false", "-no-color", cwd=tmp_path)

        code, said = plan(right)
        assert code == 0, said
        # All that is wrong is told at once: one run for each depth of the lists.
        for at in range(max(len(bad) for _, bad in VALUES.values())):
            wrong = {name: bad[at] for name, (_, bad) in VALUES.items() if at < len(bad)}
            code, said = plan({**right, **wrong})
            told = set(re.findall(r"var\.(\w+) is", said)) | set(re.findall(r'variable "(\w+)"', said))
            assert code != 0 and set(wrong) <= told, f"{set(wrong) - told} are taken:\n{said}"

    def test_terraform_writes_files_that_the_overlays_take(module, tmp_path, newest, root):
        """The outputs as terraform makes them, with known values in place of what AWS would tell."""
        text = (module.folder / "outputs.tf").read_text(encoding="utf-8")
        for name, local in (("aws_memorydb_cluster.this", "cluster"), ("aws_memorydb_user.this", "user"),
                            ("aws_iam_role.this", "role"), ("aws_security_group.database", "group"),
                            ("data.aws_region.current", "region"), ("data.aws_subnet.database", "subnets")):
            text = text.replace(name, f"local.{local}")
        (tmp_path / "outputs.tf").write_text(text, encoding="utf-8")
        rules = (module.folder / "database.tf").read_text(encoding="utf-8")
        rules = re.search(r"^  access_rules .*\n  access_string .*\n", rules, re.M).group(0)
        shutil.copy(module.folder / "access-string", tmp_path)
        (tmp_path / "known.tf").write_text("""
variable "service_account" { default = "customerd" }
locals {
  port    = 6379
  cluster = { name = "customerd", cluster_endpoint = [{ address = "clustercfg.example", port = 6379 }] }
  user    = { user_name = "customerd", access_string = local.access_string }
  role    = { arn = "arn:aws:iam::123456789012:role/customerd", name = "customerd" }
  group   = { id = "sg-1" }
  region  = { region = "eu-west-1" }
  subnets = { a = { cidr_block = "10.0.0.0/24" }, b = { cidr_block = "10.0.1.0/24" } }
""" + rules + "}\n", encoding="utf-8")
        code, said = terraform("apply", "-auto-approve", "-no-color", cwd=tmp_path)
        assert code == 0, said
        outputs = {k: v["value"] for k, v in json.loads(terraform("output", "-json", cwd=tmp_path)[1]).items()}
        assert "CUSTOMERD_DB_ENDPOINT=clustercfg.example:6379\n" in outputs["customerd_env"]
        assert outputs["access_string"] == access_string()
        account = yaml.safe_load(outputs["service_account"])
        there = yaml.safe_load((root / "deploy/kubernetes/overlays/eks-irsa/serviceaccount.yaml").read_text())
        there["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] = "arn:aws:iam::123456789012:role/customerd"
        assert account == there
        network = yaml.safe_load(outputs["database_network_policy"])
        there = yaml.safe_load((root / "deploy/kubernetes/overlays/eks-irsa/networkpolicy-database.yaml").read_text())
        there["spec"]["egress"][0]["to"] = [{"ipBlock": {"cidr": "10.0.0.0/24"}}, {"ipBlock": {"cidr": "10.0.1.0/24"}}]
        assert network == there

    def test_terraform_writes_the_files_of_objects_too(objects, tmp_path, root):
        text = (objects.folder / "outputs.tf").read_text(encoding="utf-8")
        text = re.sub(r'data "aws_prefix_list" "s3" \{.*?\n\}\n', "", text, flags=re.S)
        for name, local in (("aws_elasticache_replication_group.this", "cache"), ("aws_elasticache_user.this", "user"),
                            ("data.aws_subnet.cache", "subnets"), ("data.aws_prefix_list.s3", "s3")):
            text = text.replace(name, f"local.{local}")
        (tmp_path / "outputs.tf").write_text(text, encoding="utf-8")
        (tmp_path / "known.tf").write_text("""
variable "buckets" { default = ["documents", "catalogue"] }
locals {
  port    = 6379
  cache   = { replication_group_id = "customerd-cache", configuration_endpoint_address = "clustercfg.example" }
  user    = { user_name = "customerd-cache", access_string = "on" }
  subnets = { a = { cidr_block = "10.0.0.0/24" } }
  s3      = { cidr_blocks = ["52.218.0.0/17"] }
}
""", encoding="utf-8")
        code, said = terraform("apply", "-auto-approve", "-no-color", cwd=tmp_path)
        assert code == 0, said
        outputs = {k: v["value"] for k, v in json.loads(terraform("output", "-json", cwd=tmp_path)[1]).items()}
        names = [line.partition("=")[0] for line in outputs["objects_env"].splitlines() if not line.startswith("#")]
        there = (root / "deploy/kubernetes/optional/objects.env").read_text(encoding="utf-8")
        assert names == re.findall(r"^(\w+)=", there, re.M)
        assert "CUSTOMERD_CACHE_ENDPOINT=clustercfg.example:6379\n" in outputs["objects_env"]
        assert "CUSTOMERD_OBJECT_BUCKETS=catalogue,documents\n" in outputs["objects_env"]
        network = yaml.safe_load(outputs["objects_network_policy"])
        there = yaml.safe_load((root / "deploy/kubernetes/optional/networkpolicy-objects.yaml").read_text())
        there["spec"]["egress"][0]["to"] = [{"ipBlock": {"cidr": "10.0.0.0/24"}}]
        there["spec"]["egress"][1]["to"] = [{"ipBlock": {"cidr": "52.218.0.0/17"}}]
        assert network == there
