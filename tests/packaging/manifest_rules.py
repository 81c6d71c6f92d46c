# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manifests must keep, as functions from rendered objects to complaints.

Each rule is a generator of complaints; RULES has them all.  The tests run them over what
kubectl renders, and over copies from which one thing was taken away.
"""
import ipaddress
import re

NAMESPACE = "claude-breakglass"
UIDS = {"engine": 10001, "agent": 10002}
GROUP = 10003
SILENCE_S = 60                          # of an engine that no probe ends
RULES = []


def rule(fn):
    RULES.append(fn)
    return fn


def complaints(objects):
    return ["%s: %s" % (r.__name__, c) for r in RULES for c in r(objects)]


def of(objects, kind):
    return [o for o in objects if o["kind"] == kind]


def named(items, name):
    return next((i for i in items if i.get("name") == name), {})


def deployment(objects):
    return (of(objects, "Deployment") or [dict(spec=dict(template=dict(spec={})))])[0]


def pod(objects):
    return deployment(objects)["spec"]["template"]["spec"]


def containers(objects):
    return pod(objects).get("containers", [])


def security(container):
    return container.get("securityContext", {})


def settings(objects):
    """breakglass.conf as rendered, without its sections: {key: value}."""
    data = (of(objects, "ConfigMap") or [{}])[0].get("data", {})
    found = {}
    for line in data.get("breakglass.conf", "").splitlines():
        if line.startswith("["):
            break
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found[key.strip()] = value.strip()
    return found


# --- what there is ---

@rule
def objects_are_these_and_in_the_namespace(objects):
    kinds = sorted({o["kind"] for o in objects})
    wanted = ["ConfigMap", "Deployment", "ExternalSecret", "Namespace", "NetworkPolicy", "Role",
              "ServiceAccount"]
    if kinds != wanted:
        yield "the kinds are %s, not %s" % (kinds, wanted)
    for o in objects:
        at = o["metadata"].get("namespace" if o["kind"] != "Namespace" else "name")
        if at != NAMESPACE:
            yield "%s %s is in %s" % (o["kind"], o["metadata"]["name"], at)


@rule
def namespace_refuses_weaker_pods(objects):
    for o in of(objects, "Namespace"):
        if o["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "pod-security enforce is not restricted"


@rule
def nothing_listens(objects):
    for o in objects:
        if o["kind"] in ("Service", "Ingress", "Gateway", "HTTPRoute", "IngressRoute"):
            yield "there is a %s" % o["kind"]
    for c in containers(objects):
        if c.get("ports"):
            yield "%s names ports" % c["name"]


@rule
def service_account_has_no_token(objects):
    accounts = of(objects, "ServiceAccount")
    for o in accounts + [dict(pod(objects), metadata=dict(name="pod"))]:
        if o.get("automountServiceAccountToken") is not False:
            yield "automountServiceAccountToken of %s" % o["metadata"]["name"]
    if pod(objects).get("serviceAccountName") not in [a["metadata"]["name"] for a in accounts]:
        yield "serviceAccountName is none of ours"
    if of(objects, "RoleBinding") or of(objects, "ClusterRoleBinding"):
        yield "something is bound"
    for s in sources(objects):
        token = s.get("serviceAccountToken")
        if token and "api.anthropic.com" not in token.get("audience", ""):
            yield "a projected token is good for the cluster's API server"


@rule
def no_way_to_vault(objects):
    for o in objects:
        if o["kind"] in ("SecretStore", "ClusterSecretStore", "VaultAuth"):
            yield "there is a %s" % o["kind"]
        if "vault.hashicorp.com/" in str(o):
            yield "%s asks for a Vault agent" % o["kind"]


# --- the pod ---

@rule
def two_containers_of_one_image(objects):
    if [c["name"] for c in containers(objects)] != ["engine", "agent"]:
        yield "the containers are not engine and agent"
    if pod(objects).get("initContainers"):
        yield "there are init containers"
    images = {c.get("image", "") for c in containers(objects)}
    if len(images) != 1:
        yield "the images differ: %s" % sorted(images)
    for i in images:
        if not re.search(r":[^:/]+$", i) or re.search(r":(latest|stable|main)$", i):
            yield "%s has no tag that stays" % i
    for c in containers(objects):
        if c.get("imagePullPolicy") != "IfNotPresent":
            yield "imagePullPolicy of %s" % c["name"]


@rule
def containers_are_confined(objects):
    for c in containers(objects):
        s, name = security(c), c["name"]
        if s.get("runAsNonRoot") is not True:
            yield "runAsNonRoot of %s" % name
        if s.get("readOnlyRootFilesystem") is not True:
            yield "readOnlyRootFilesystem of %s" % name
        if s.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation of %s" % name
        if s.get("capabilities") != dict(drop=["ALL"]):
            yield "drop ALL of %s" % name
        if s.get("seccompProfile") != dict(type="RuntimeDefault"):
            yield "seccompProfile of %s" % name
        if s.get("privileged"):
            yield "privileged of %s" % name


@rule
def uids_are_separate(objects):
    for c in containers(objects):
        s = security(c)
        if s.get("runAsUser") != UIDS.get(c["name"]) or s.get("runAsGroup") != s.get("runAsUser"):
            yield "uid of %s is %s:%s" % (c["name"], s.get("runAsUser"), s.get("runAsGroup"))
    if pod(objects).get("securityContext", {}).get("fsGroup") != GROUP:
        yield "fsGroup is not %d" % GROUP
    if pod(objects).get("shareProcessNamespace"):
        yield "the containers see each other's processes"
    if settings(objects).get("agent_uid") != str(UIDS["agent"]):
        yield "agent_uid of breakglass.conf is not the agent's container's"


@rule
def nothing_of_the_node(objects):
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod(objects).get(key):
            yield key
    for v in pod(objects).get("volumes", []):
        if set(v) - {"name"} not in ({"emptyDir"}, {"projected"}):
            yield "volume %s is %s" % (v["name"], sorted(set(v) - {"name"}))
    for c in containers(objects):
        for m in c.get("volumeMounts", []):
            if "subPath" in m or "subPathExpr" in m:
                yield "subPath at %s never updates" % m["mountPath"]


@rule
def what_it_needs_is_guaranteed(objects):
    for c in containers(objects):
        r = c.get("resources", {})
        for what in ("cpu", "memory"):
            limit = r.get("limits", {}).get(what)
            if not limit:
                yield "%s limit of %s" % (what, c["name"])
            if r.get("requests", {}).get(what) != limit:
                yield "%s request of %s is not its limit" % (what, c["name"])
        if "ephemeral-storage" in r.get("limits", {}):
            yield "a full disk evicts %s" % c["name"]
    if mebibytes(named(containers(objects), "agent")) < 512:
        yield "the agent's request does not carry claude"


def mebibytes(container):
    text = container.get("resources", {}).get("requests", {}).get("memory", "0Mi")
    return int(text[:-2]) if text.endswith("Mi") else 0


@rule
def it_stays_where_others_go(objects):
    p = pod(objects)
    if p.get("priorityClassName") != "tier-0-core":
        yield "priorityClassName"
    wanted = {("memory-pressure", "NoSchedule", None), ("disk-pressure", "NoSchedule", None),
              ("not-ready", "NoExecute", 300), ("unreachable", "NoExecute", 300)}
    for key, effect, seconds in sorted(wanted, key=str):
        if dict(key="node.kubernetes.io/" + key, operator="Exists", effect=effect,
                **(dict(tolerationSeconds=seconds) if seconds else {})) \
                not in p.get("tolerations", []):
            yield "toleration of %s" % key
    if len(p.get("tolerations", [])) != len(wanted):
        yield "there are other tolerations"
    affinity = p.get("affinity", {}).get("nodeAffinity", {})
    if affinity.get("requiredDuringSchedulingIgnoredDuringExecution"):
        yield "a node is demanded"
    away = dict(key="kubernetes.io/hostname", operator="NotIn", values=["node1"])
    if away not in [e for t in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", [])
                    for e in t["preference"]["matchExpressions"]]:
        yield "nothing prefers another node than node1"


@rule
def there_is_one_engine_at_a_time(objects):
    spec = deployment(objects)["spec"]
    if spec.get("strategy", {}).get("type") != "Recreate" or spec.get("replicas") != 1:
        yield "strategy is not Recreate of one"


@rule
def exec_means_the_engine(objects):
    notes = deployment(objects)["spec"]["template"].get("metadata", {}).get("annotations", {})
    if notes.get("kubectl.kubernetes.io/default-container") != "engine":
        yield "default-container"


@rule
def probes_forgive(objects):
    engine = named(containers(objects), "engine")
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        p = engine.get(kind, {})
        if p.get("exec") != dict(command=["breakglass", "ping"]):
            yield "%s is no ping" % kind
        elif (p["failureThreshold"] - 1) * p["periodSeconds"] < SILENCE_S:
            yield "%s does not forgive %d s" % (kind, SILENCE_S)
        if p.get("timeoutSeconds", 1) < 10:
            yield "%s has no time on a node under load" % kind
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        if kind in named(containers(objects), "agent"):
            yield "the agent's container has a probe: its absence is a banner, not a restart"


# --- secrets and settings ---

def sources(objects):
    return [s for v in pod(objects).get("volumes", []) if "projected" in v
            for s in v["projected"].get("sources", [])]


def projected(objects):
    """Every file below the mounts of projected volumes: {path: source}."""
    found = {}
    for v in pod(objects).get("volumes", []):
        for m in [m for c in containers(objects) for m in c["volumeMounts"]
                  if m["name"] == v["name"] and "projected" in v]:
            for s in v["projected"]["sources"]:
                kind, what = next(iter(s.items()))
                if kind == "configMap":
                    names = [k for o in of(objects, "ConfigMap")
                             if o["metadata"]["name"] == what["name"] for k in o["data"]]
                elif kind == "secret":
                    names = [i["path"] for i in what["items"]]
                else:
                    names = [what["path"]]
                found.update({m["mountPath"] + "/" + n: (kind, what) for n in names})
    return found


@rule
def secrets_are_the_engines(objects):
    for v in pod(objects).get("volumes", []):
        if "projected" not in v:
            continue
        if v["projected"].get("defaultMode") != 0o440:
            yield "defaultMode of %s is not 0440" % v["name"]
        for c in containers(objects):
            for m in c["volumeMounts"]:
                if m["name"] == v["name"] and (c["name"] != "engine" or not m.get("readOnly")):
                    yield "%s has %s" % (c["name"], v["name"])
    for c in containers(objects):
        for e in c.get("env", []):
            if "valueFrom" in e or re.search("KEY|TOKEN|SECRET", e["name"]):
                yield "%s of %s: every exec inherits it" % (e["name"], c["name"])
        if c.get("envFrom"):
            yield "envFrom of %s" % c["name"]
    made = {(o["spec"]["target"]["name"], d["secretKey"])
            for o in of(objects, "ExternalSecret") for d in o["spec"]["data"]}
    for s in sources(objects):
        for item in s.get("secret", {}).get("items", []):
            if (s["secret"]["name"], item["key"]) not in made and not s["secret"].get("optional"):
                yield "nobody makes %s of the secret %s" % (item["key"], s["secret"]["name"])
    for o in of(objects, "ExternalSecret"):
        if o["spec"]["target"].get("deletionPolicy") != "Retain":
            yield "%s goes when Vault does" % o["metadata"]["name"]


@rule
def settings_name_what_is_there(objects):
    conf, files = settings(objects), projected(objects)
    mounts = {m["mountPath"] for m in named(containers(objects), "engine").get("volumeMounts", [])}
    env = {e["name"]: e["value"] for e in named(containers(objects), "engine").get("env", [])}
    if env.get("BREAKGLASS_CONFIG") not in files:
        yield "BREAKGLASS_CONFIG is no file of the pod"
    if env.get("HOME") not in mounts:
        yield "HOME of the engine is no volume"
    for key in ("key_path", "api_key_file", "pve_hostkey", "devvm_hostkey"):
        if key in conf and conf[key] not in files:
            yield "%s = %s is no file of the pod" % (key, conf[key])
    for key in ("sessions_dir", "run_dir", "agent_dir"):
        if conf.get(key) not in mounts and (conf.get(key) or "/").rsplit("/", 1)[0] not in mounts:
            yield "%s is on no volume" % key
    for key in ("sessions_dir", "run_dir", "agent_dir"):
        if conf.get(key) in mounts:
            yield "%s is the kubelet's, not a folder that the engine makes" % key
    command = named(containers(objects), "agent").get("command", [])
    if conf.get("agent_dir", "?") + "/agent.sock" not in command:
        yield "agent-host does not go to agent_dir"
    ours = {m["name"] for m in named(containers(objects), "agent").get("volumeMounts", [])}
    theirs = {m["name"] for m in named(containers(objects), "engine").get("volumeMounts", [])}
    if ours & theirs != {"shared"}:
        yield "engine and agent have %s in common" % sorted(ours & theirs)


@rule
def a_site_pins_its_hypervisor(objects):
    """The pod forgets what it has learnt: without a pin each one trusts whoever answers first."""
    site = any("/" in c.get("image", "") for c in containers(objects))
    pin = settings(objects).get("pve_hostkey")
    if site and projected(objects).get(pin, ("nothing",))[0] != "configMap":
        yield "pve_hostkey names no file that the overlay brings"


# --- the network ---

def isolated(objects, direction):
    return any(direction in p["spec"].get("policyTypes", []) and p["spec"]["podSelector"] == {}
               for p in of(objects, "NetworkPolicy"))


def peer_fits(peer, address, labels):
    if "ipBlock" in peer:
        net = ipaddress.ip_network(peer["ipBlock"]["cidr"])
        return address is not None and ipaddress.ip_address(address) in net
    selectors = [peer.get(k, {}).get("matchLabels", {})
                 for k in ("namespaceSelector", "podSelector")]
    wanted = {k: v for s in selectors for k, v in s.items()}
    return labels is not None and wanted.items() <= labels.items()


def lets_out(objects, port, address=None, labels=None, protocol="TCP"):
    """May our pod send there?  As the API's reference tells it: policies add up."""
    if not isolated(objects, "Egress"):
        return True
    for p in of(objects, "NetworkPolicy"):
        for r in p["spec"].get("egress") or []:
            ports = r.get("ports")
            if ports and dict(protocol=protocol, port=port) not in ports:
                continue
            if "to" not in r or any(peer_fits(t, address, labels) for t in r["to"]):
                return True
    return False


RESOLVER = {"kubernetes.io/metadata.name": "kube-system", "k8s-app": "kube-dns"}


@rule
def network_is_closed(objects):
    conf = settings(objects)
    devvm, pve = conf.get("devvm_host", "0.0.0.0"), conf.get("pve_host", "0.0.0.0")
    for what, port, to in (
            ("devvm", 22, dict(address=devvm)), ("pve", 22, dict(address=pve)),
            ("the API", 443, dict(address="160.79.104.10")),
            ("the API by IPv6", 443, dict(address="2607:6bc0::10")),
            ("the resolver", 53, dict(labels=RESOLVER)),
            ("the resolver by UDP", 53, dict(labels=RESOLVER, protocol="UDP"))):
        if not lets_out(objects, port, **to):
            yield "%s:%d cannot be reached" % (what, port)
    neighbour = str(ipaddress.ip_address(pve) + 1)
    for what, port, to in (
            ("devvm", 80, dict(address=devvm)), ("devvm by UDP", 22,
                                                 dict(address=devvm, protocol="UDP")),
            ("pve's API", 8006, dict(address=pve)), ("pve's neighbour", 22, dict(address=neighbour)),
            ("the internet", 443, dict(address="198.51.100.7")),
            ("the API", 80, dict(address="160.79.104.10")),
            ("the API server", 443, dict(address="10.96.0.1")),
            ("the metadata service", 80, dict(address="169.254.169.254")),
            ("a name server elsewhere", 53, dict(address="198.51.100.7", protocol="UDP")),
            ("the resolver's figures", 9153, dict(labels=RESOLVER)),
            ("another pod", 53, dict(labels={"kubernetes.io/metadata.name": "default"}))):
        if lets_out(objects, port, **to):
            yield "%s:%d can be reached" % (what, port)
    if not isolated(objects, "Ingress"):
        yield "what comes in is not restricted"
    for p in of(objects, "NetworkPolicy"):
        if p["spec"].get("ingress"):
            yield "%s lets something in" % p["metadata"]["name"]
