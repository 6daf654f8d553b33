"""The manifests: every kubectl renders them, the API knows every field, and they fit together and to the settings."""

import copy
import ipaddress
import re
import shutil

import pytest

from conftest import OVERLAYS
from kubectl import kustomize
from kubernetes_schema import load_all

POD_LABELS = {"app.kubernetes.io/name": "customerd"}


def of_kind(objects, kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    assert found, f"no {kind} {name or ''}"
    return found


def one(objects, kind, name=None):
    found = of_kind(objects, kind, name)
    assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
    return found[0]


def pod_of(objects):
    return one(objects, "Deployment")["spec"]["template"]


def container_of(objects):
    containers = pod_of(objects)["spec"]["containers"]
    assert len(containers) == 1
    return containers[0]


def settings_of(objects):
    return one(objects, "ConfigMap")["data"]


# ---- rendering ----

@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_knows_every_field(rendered, schema, overlay):
    for version, objects in rendered[overlay].items():
        findings = [finding for o in objects for finding in schema.findings(o)]
        assert not findings, f"kubectl {version}:\n" + "\n".join(findings)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_kubectl_renders_the_same(rendered, overlay):
    """But for the ConfigMap's name, whose digest each version makes in its own way."""
    def plain(objects):
        name = one(objects, "ConfigMap")["metadata"]["name"]
        found = {}
        for o in objects:
            o = copy.deepcopy(o)
            o["metadata"] = {k: v for k, v in o["metadata"].items() if v not in ({}, name)}
            found[o["kind"], o["metadata"].get("name")] = replaced(o, name)
        return found

    def replaced(value, name):
        if isinstance(value, dict):
            return {k: replaced(v, name) for k, v in value.items()}
        if isinstance(value, list):
            return [replaced(v, name) for v in value]
        return "the ConfigMap" if value == name else value

    first, *others = [plain(objects) for objects in rendered[overlay].values()]
    assert len(first) >= 14
    for other in others:
        assert other == first


def test_a_field_that_the_api_does_not_know_is_found(newest, schema):
    """The check itself: each of these mistakes must be seen."""
    def broken(kind, change):
        o = copy.deepcopy(one(newest["plain"], kind))
        change(o["spec"])
        return schema.findings(o)

    def container(spec):
        return spec["template"]["spec"]["containers"][0]

    mistakes = {
        "Deployment": [lambda s: s.update(replica=3), lambda s: s.update(minReadySeconds="10"),
                       lambda s: s.pop("selector"), lambda s: container(s)["lifecycle"]["preStop"].update(sleeps={}),
                       lambda s: container(s)["resources"]["limits"].update(memory="512Mb"),
                       lambda s: container(s)["securityContext"].update(readonlyRootFilesystem=True)],
        "HorizontalPodAutoscaler": [lambda s: s["behavior"]["scaleUp"].update(policys=[]), lambda s: s.pop("maxReplicas")],
        "PodDisruptionBudget": [lambda s: s.update(maxUnavailable=[1])],
        "ServiceMonitor": [lambda s: s["endpoints"][0].update(intervall="15s"), lambda s: s["endpoints"][0].update(interval="fast"),
                           lambda s: s["endpoints"][0].update(scheme="ftp")],
        "PrometheusRule": [lambda s: s["groups"][0]["rules"][0].update(fore="5m"), lambda s: s["groups"][0].pop("name")],
    }
    for kind, changes in mistakes.items():
        for change in changes:
            assert broken(kind, change), f"a mistake in {kind} is not seen"
    assert schema.findings({"apiVersion": "autoscaling/v3", "kind": "HorizontalPodAutoscaler", "metadata": {}})
    with pytest.raises(Exception, match="twice"):
        load_all("a: 1\nb: 2\na: 3\n")


# ---- what fits to what ----

@pytest.mark.parametrize("overlay", OVERLAYS)
def test_objects_refer_to_what_is_there(newest, overlay):
    objects = newest[overlay]
    pod, container = pod_of(objects), container_of(objects)
    assert POD_LABELS.items() <= pod["metadata"]["labels"].items()
    assert one(objects, "Deployment")["spec"]["selector"]["matchLabels"] == POD_LABELS
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    for service in of_kind(objects, "Service"):
        assert service["spec"]["selector"] == POD_LABELS
        assert all(port["targetPort"] in ports for port in service["spec"]["ports"])
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "admin"
    assert [source["configMapRef"]["name"] for source in container["envFrom"]] == [
        one(objects, "ConfigMap")["metadata"]["name"]]
    assert pod["spec"]["serviceAccountName"] == one(objects, "ServiceAccount")["metadata"]["name"]
    assert one(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == "customerd"
    assert "replicas" not in one(objects, "Deployment")["spec"], "the autoscaler owns it"
    assert one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == POD_LABELS
    for policy in of_kind(objects, "NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"] == POD_LABELS
    assert {o["metadata"]["namespace"] for o in objects if o["kind"] != "Namespace"} == {
        one(objects, "Namespace")["metadata"]["name"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_prometheus_finds_the_admin_port_and_nothing_else(newest, overlay):
    objects = newest[overlay]
    monitor = one(objects, "ServiceMonitor")["spec"]
    selected = [s for s in of_kind(objects, "Service")
                if monitor["selector"]["matchLabels"].items() <= s["metadata"]["labels"].items()]
    assert [s["metadata"]["name"] for s in selected] == ["customerd-admin"]
    assert [e["port"] for e in monitor["endpoints"]] == [p["name"] for p in selected[0]["spec"]["ports"]]
    assert selected[0]["spec"]["publishNotReadyAddresses"] is True
    assert selected[0]["metadata"]["labels"][monitor["jobLabel"]] == "customerd"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_admin_listener_is_on_the_pod_alone(newest, overlay):
    objects = newest[overlay]
    env = {e["name"]: e for e in container_of(objects)["env"]}
    assert env["POD_IP"]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
    assert env["CUSTOMERD_ADMIN_LISTEN"]["value"] == "$(POD_IP):8081"
    public = one(objects, "Service", "customerd")
    assert [p["targetPort"] for p in public["spec"]["ports"]] == ["http"]
    for ingress in [o for o in objects if o["kind"] == "Ingress"]:
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert path["backend"]["service"] == {"name": "customerd", "port": {"name": "http"}}


# ---- security ----

@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_pod_may_do_nothing_that_it_needs_not(newest, overlay):
    objects = newest[overlay]
    pod, container = pod_of(objects)["spec"], container_of(objects)
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "privileged": False,
                                            "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True and context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 65532
    assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    for field in ("hostNetwork", "hostPID", "hostIPC", "initContainers"):
        assert not pod.get(field)
    assert one(objects, "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert not [o for o in objects if o["kind"] in ("Secret", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")]


def test_the_image_runs_as_the_same_user(newest, root):
    text = (root / "deploy" / "image" / "Dockerfile").read_text(encoding="utf-8")
    user = re.search(r"^USER (\d+):(\d+)$", text, re.M)
    context = pod_of(newest["plain"])["spec"]["securityContext"]
    assert (int(user.group(1)), int(user.group(2))) == (context["runAsUser"], context["runAsGroup"])


EGRESS = {  # (ports, cidrs or "dns") that a pod may reach
    "eks-pod-identity": {("53", "dns"), ("6379", "database"), ("80", "169.254.170.23/32"), ("443", "192.0.2.1/32")},
    "eks-irsa": {("53", "dns"), ("6379", "database"), ("443", "sts"), ("443", "192.0.2.1/32")},
    "plain": {("53", "dns"), ("6379", "database"), ("443", "192.0.2.1/32")},
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_reaches_dns_the_database_and_one_credential_address(newest, overlay):
    reached = set()
    for policy in of_kind(newest[overlay], "NetworkPolicy"):
        name = policy["metadata"]["name"]
        for rule in policy["spec"].get("egress", []):
            assert rule.get("to") and rule.get("ports"), f"{name} lets everything out"
            for to in rule["to"]:
                if "namespaceSelector" in to:
                    assert to["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
                    where = "dns"
                else:
                    cidr = to["ipBlock"]["cidr"]
                    assert ipaddress.ip_network(cidr).prefixlen >= 16, f"{name}: {cidr} is nearly everything"
                    where = {"customerd-database": "database", "customerd-credentials": "sts"}.get(name, cidr)
                    where = cidr if cidr.startswith("169.254.") else where
                reached.update((str(port["port"]), where) for port in rule["ports"])
    assert reached == EGRESS[overlay]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_prometheus_and_health_checks_reach_the_admin_port(newest, overlay):
    allowed = set()
    for policy in of_kind(newest[overlay], "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert rule.get("from") and rule.get("ports"), f"{policy['metadata']['name']} lets everybody in"
            if 8081 in [port["port"] for port in rule["ports"]]:
                allowed.add(policy["metadata"]["name"])
    assert allowed == ({"customerd"} if overlay == "plain" else {"customerd", "customerd-load-balancer"})


# ---- availability ----

@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_stopping_pod_has_the_time_that_it_takes(newest, overlay):
    objects = newest[overlay]
    settings, pod = settings_of(objects), pod_of(objects)["spec"]
    sleep_s = container_of(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
    serves_s = sleep_s + int(settings["CUSTOMERD_DRAIN_WAIT_MS"]) / 1000
    ends_s = serves_s + int(settings["CUSTOMERD_DRAIN_TIMEOUT_MS"]) / 1000
    assert int(settings["CUSTOMERD_DRAIN_WAIT_MS"]) > 0
    assert pod["terminationGracePeriodSeconds"] >= ends_s + 10
    for ingress in [o for o in objects if o["kind"] == "Ingress"]:
        attributes = ",".join(v for k, v in ingress["metadata"]["annotations"].items() if k.endswith("-attributes"))
        delay_s = int(re.search(r"deregistration_delay\.timeout_seconds=(\d+)", attributes).group(1))
        idle_s = int(re.search(r"idle_timeout\.timeout_seconds=(\d+)", attributes).group(1))
        assert delay_s <= serves_s
        assert int(settings["CUSTOMERD_IDLE_TIMEOUT_S"]) > idle_s


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rolling_restart_never_takes_a_pod_before_another_serves(newest, overlay):
    deployment = one(newest[overlay], "Deployment")["spec"]
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert deployment["minReadySeconds"] > 0
    keys = [c["topologyKey"] for c in deployment["template"]["spec"]["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    scaler = one(newest[overlay], "HorizontalPodAutoscaler")["spec"]
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"] and {"scaleUp", "scaleDown"} <= scaler["behavior"].keys()


def test_load_balancers_have_readiness_gates(newest):
    for overlay in OVERLAYS:
        objects = newest[overlay]
        gates = one(objects, "Namespace")["metadata"]["labels"].get("elbv2.k8s.aws/pod-readiness-gate-inject")
        ingresses = [o for o in objects if o["kind"] == "Ingress"]
        assert (gates == "enabled") == bool(ingresses) == overlay.startswith("eks")
        for ingress in ingresses:
            assert ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/target-type"] == "ip"


# ---- credentials ----

def test_each_overlay_signs_in_its_own_way(newest):
    auth = {overlay: settings_of(newest[overlay])["CUSTOMERD_DB_AUTH"] for overlay in OVERLAYS}
    assert auth == {"eks-pod-identity": "iam", "eks-irsa": "iam", "plain": "password"}
    annotations = {overlay: one(newest[overlay], "ServiceAccount")["metadata"].get("annotations", {}) for overlay in OVERLAYS}
    assert "eks.amazonaws.com/role-arn" in annotations["eks-irsa"]
    assert not annotations["eks-pod-identity"] and not annotations["plain"]
    assert not any("AWS" in key or "IAM" in key for key in settings_of(newest["plain"]))


def test_the_plain_overlay_mounts_the_password_where_the_settings_look(newest):
    objects = newest["plain"]
    settings, container = settings_of(objects), container_of(objects)
    mount = container["volumeMounts"][0]
    volume = pod_of(objects)["spec"]["volumes"][0]
    assert mount["name"] == volume["name"] and mount["readOnly"] is True
    assert volume["secret"] == {"secretName": "customerd-database", "defaultMode": 0o440}
    for name in ("CUSTOMERD_DB_PASSWORD_FILE", "CUSTOMERD_DB_CA_FILE"):
        assert settings[name].startswith(mount["mountPath"] + "/")


# ---- what may be added ----

@pytest.mark.parametrize("patch", ["jwks-file.yaml", "tls.yaml"])
def test_optional_parts_fit_into_every_overlay(kubectl, schema, root, tmp_path, patch):
    """Added as its first lines tell."""
    shutil.copytree(root / "deploy" / "kubernetes", tmp_path / "kubernetes")
    for overlay in OVERLAYS:
        folder = tmp_path / "kubernetes" / "overlays" / overlay
        shutil.copy(tmp_path / "kubernetes" / "optional" / patch, folder)
        text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
        if "patchesStrategicMerge:" not in text:
            text += "patchesStrategicMerge:\n"
        text = text.replace("patchesStrategicMerge:\n", f"patchesStrategicMerge:\n  - {patch}\n")
        (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
        for version, program in kubectl.items():
            objects = load_all(kustomize(program, folder))
            assert not [finding for o in objects for finding in schema.findings(o)], version
            mounts = {mount["name"] for mount in container_of(objects)["volumeMounts"]}
            assert mounts == {volume["name"] for volume in pod_of(objects)["spec"]["volumes"]}
            assert len(mounts) == (2 if overlay == "plain" else 1)
            assert all(mount["readOnly"] for mount in container_of(objects)["volumeMounts"])


@pytest.mark.parametrize("overlay", ["eks-pod-identity", "eks-irsa"])
def test_objects_are_added_as_the_file_tells(kubectl, schema, root, tmp_path, overlay):
    shutil.copytree(root / "deploy" / "kubernetes", tmp_path / "kubernetes")
    folder = tmp_path / "kubernetes" / "overlays" / overlay
    for name in ("objects.yaml", "objects.env", "networkpolicy-objects.yaml"):
        shutil.copy(tmp_path / "kubernetes" / "optional" / name, folder)
    told = re.findall(r"^#   (.*)$", (folder / "objects.yaml").read_text(encoding="utf-8"), re.M)
    text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
    text = text.replace("configMapGenerator:\n", "configMapGenerator:\n" + "".join(f"  {line}\n" for line in told))
    text = text.replace("resources:\n", "resources:\n  - networkpolicy-objects.yaml\n")
    if "patchesStrategicMerge:" not in text:
        text += "patchesStrategicMerge:\n"
    text = text.replace("patchesStrategicMerge:\n", "patchesStrategicMerge:\n  - objects.yaml\n")
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    for version, program in kubectl.items():
        objects = load_all(kustomize(program, folder))
        assert not [finding for o in objects for finding in schema.findings(o)], version
        by_name = {config["metadata"]["name"]: config["data"] for config in of_kind(objects, "ConfigMap")}
        given = [by_name[source["configMapRef"]["name"]] for source in container_of(objects)["envFrom"]]
        assert [settings["CUSTOMERD_RESOURCES"] for settings in given] == ["customers", "customers,objects"], version
        assert given[1]["CUSTOMERD_CACHE_IAM_SERVICE"] == "elasticache" and "CUSTOMERD_DB_ENDPOINT" in given[0]
        assert one(objects, "NetworkPolicy", "customerd-objects")["spec"]["podSelector"] == {"matchLabels": POD_LABELS}
