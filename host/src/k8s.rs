//! `host k8s`: manifests by which Kubernetes runs a cluster of hosts.
//!
//! Two StatefulSets, for a coordinator is told apart from other hosts by its command and by what it
//! may read: the cluster's private key is mounted there alone. Names of pods are fixed, so the
//! token can be drawn before there are any. What every pod has follows from what a load generator
//! is: its cores are reserved, since what it lacks for some milliseconds would show in the
//! measurement; it runs code of others and needs no right but to open connections.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::cluster::NewCluster;
use crate::terminal;

#[derive(Debug, Args)]
pub(crate) struct K8sArgs {
    /// What the objects are called: the coordinator is the pod NAME-0, further hosts are
    /// NAME-host-0 and so on.
    #[arg(long, value_name = "NAME", default_value = "swell", value_parser = parse_name)]
    name: String,

    /// The namespace of all objects, which must exist. Default: the one that kubectl is set to.
    #[arg(long, value_name = "NS", value_parser = parse_namespace)]
    namespace: Option<String>,

    /// How many hosts there are, the coordinator included.
    #[arg(
        long,
        value_name = "N",
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000),
        allow_hyphen_values = true
    )]
    hosts: u32,

    /// The container image, with `host` in its path.
    #[arg(long, value_name = "IMAGE", value_parser = parse_image)]
    image: String,

    /// Cores of each host: whole ones, as a thread of the generator wants one to itself.
    #[arg(
        long,
        value_name = "N",
        default_value = "2",
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_024),
        allow_hyphen_values = true
    )]
    cpu: u32,

    /// Memory of each host, as 512Mi or 4Gi.
    #[arg(long, value_name = "SIZE", default_value = "4Gi", value_parser = parse_memory)]
    memory: String,
}

/// What Kubernetes appends to a StatefulSet's name goes into labels, which have 63 places: "-host",
/// a hyphen and a hash of ten.
const MAX_NAME: usize = 40;
/// RFC 1123.
const MAX_LABEL: usize = 63;
/// Where the coordinator listens.
const PORT: u16 = 7_600;
/// How long the token in the Secret admits, which is as long as pods may be started again: the
/// longest that a token lasts.
const TOKEN_LIFE: Duration = Duration::from_secs(365 * 86_400);

/// A name that is also one of a Service, and therefore begins with a letter.
fn parse_name(text: &str) -> Result<String, String> {
    if is_label(text, MAX_NAME) && text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "at most {MAX_NAME} of a-z, 0-9 and '-' are needed, the first a letter, the last no '-'"
    ))
}

fn parse_namespace(text: &str) -> Result<String, String> {
    if is_label(text, MAX_LABEL) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "at most {MAX_LABEL} of a-z, 0-9 and '-' are needed, neither the first nor the last a \
        '-'"
    ))
}

/// Whether it is a label of RFC 1123 as Kubernetes takes them.
fn is_label(text: &str, longest: usize) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=longest).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn parse_image(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("an image is needed, as registry.example.com/swell:1 or swell@sha256:…".to_owned())
}

/// A quantity of Kubernetes' that is one of memory; its "m" is a thousandth of a byte.
fn parse_memory(text: &str) -> Result<String, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if ["Ki", "Mi", "Gi", "Ti", "k", "M", "G", "T"].contains(&unit)
        && number.parse::<u32>().is_ok_and(|number| number > 0)
    {
        return Ok(text.to_owned());
    }
    Err("a whole number with its unit is needed, as 512Mi or 4Gi".to_owned())
}

/// Prints the manifests, with a cluster that is new each time.
///
/// # Errors
/// Nobody reads them.
pub(crate) fn k8s(args: &K8sArgs) -> anyhow::Result<()> {
    terminal::hand_over(manifests(args)?.as_bytes())?;
    terminal::say(
        "the Secret holds the cluster's private key: give this to `kubectl apply -f -`, and keep \
        it from everybody else",
    );
    Ok(())
}

fn manifests(args: &K8sArgs) -> anyhow::Result<String> {
    let K8sArgs { name, hosts, .. } = args;
    // A pod that is started again spends a use; who has the token has the Secret.
    let cluster =
        NewCluster::draw(vec![format!("{name}-0.{name}:{PORT}")], TOKEN_LIFE, NonZeroU32::MAX)?;
    let mut yaml = format!(
        "# Hosts of Swell's, {hosts} in all: `host k8s`. Whoever can read the Secret's \
        cluster.toml can lead the cluster.\n"
    );
    yaml += &secret(args, &cluster);
    yaml += &service(args);
    let token_id = cluster.token.id().to_string();
    yaml += &stateful_set(args, &token_id, &coordinator(name));
    if let Some(others) = hosts.checked_sub(1).filter(|others| *others > 0) {
        yaml += &stateful_set(args, &token_id, &other_hosts(name, others));
    }
    Ok(yaml)
}

/// An object's name and namespace. Names are quoted wherever they stand: `on` and `null` are names
/// too.
fn metadata(args: &K8sArgs, name: &str, labels: &str) -> String {
    let mut lines = format!("metadata:\n  name: \"{name}\"\n");
    if let Some(namespace) = &args.namespace {
        let _ = writeln!(lines, "  namespace: \"{namespace}\"");
    }
    lines + &format!("  labels: {labels}")
}

/// The labels of all objects, or of a part of the cluster.
fn labels(name: &str, part: Option<&str>) -> String {
    let part =
        part.map(|part| format!(", app.kubernetes.io/component: {part}")).unwrap_or_default();
    format!("{{ app.kubernetes.io/name: swell, app.kubernetes.io/instance: \"{name}\"{part} }}")
}

fn secret(args: &K8sArgs, cluster: &NewCluster) -> String {
    let metadata = metadata(args, &args.name, &labels(&args.name, None));
    let file = cluster.file().lines().fold(String::new(), |text, line| text + "    " + line + "\n");
    format!(
        "---\napiVersion: v1\nkind: Secret\n{metadata}\ntype: Opaque\nstringData:\n  token: \
        \"{}\"\n  cluster.toml: |\n{file}",
        cluster.token
    )
}

/// What gives pods their names, from the moment on that they have an address: other hosts look for
/// the coordinator at once.
fn service(args: &K8sArgs) -> String {
    let labels = labels(&args.name, None);
    let metadata = metadata(args, &args.name, &labels);
    format!(
        "---\napiVersion: v1\nkind: Service\n{metadata}\nspec:\n  clusterIP: None\n  \
        publishNotReadyAddresses: true\n  selector: {labels}\n  ports:\n    - {{ name: swell, \
        port: {PORT}, protocol: UDP }}\n"
    )
}

/// What one StatefulSet has and the other has not.
struct PodSet {
    name: String,
    component: &'static str,
    replicas: u32,
    command: String,
    /// How long its pods may take to end.
    grace_s: u32,
    /// Lines of the pods' metadata, of the container and of the pods' volumes, indented.
    annotations: &'static str,
    ports: String,
    mounts: &'static str,
    volumes: String,
}

fn coordinator(name: &str) -> PodSet {
    let listen = format!("0.0.0.0:{PORT}");
    let command =
        ["host", "node", "--listen", &listen, "--cluster", "/etc/swell/cluster.toml"].into_iter();
    let command = command.chain(["--prometheus", "0.0.0.0:9464"]);
    let command: Vec<String> = command.map(|word| format!("{word:?}")).collect();
    PodSet {
        name: name.to_owned(),
        component: "coordinator",
        replicas: 1,
        command: format!("[{}]", command.join(", ")),
        // A run's own grace, and its report.
        grace_s: 60,
        annotations: "\n        prometheus.io/scrape: \"true\"\n        prometheus.io/port: \
        \"9464\"",
        ports: format!(
            "\n          ports:\n            - {{ name: swell, containerPort: {PORT}, protocol: \
            UDP }}\n            - {{ name: metrics, containerPort: 9464, protocol: TCP }}"
        ),
        mounts: "\n            - { name: cluster, mountPath: /etc/swell, readOnly: true }",
        // For its group, which is the pod's; the host takes no key that everybody can read.
        volumes: format!(
            "\n        - name: cluster\n          secret:\n            secretName: \
            \"{name}\"\n            defaultMode: 0440\n            items: [{{ key: cluster.toml, \
            path: cluster.toml }}]"
        ),
    }
}

fn other_hosts(name: &str, replicas: u32) -> PodSet {
    PodSet {
        name: format!("{name}-host"),
        component: "host",
        replicas,
        command: format!(r#"["host", "node", "--coordinator", "{name}-0.{name}:{PORT}"]"#),
        grace_s: 10,
        annotations: "",
        ports: String::new(),
        mounts: "",
        volumes: String::new(),
    }
}

/// `/tmp` is all that a host writes to: compiled scenarios, files and records of runs, and what is
/// copied there. The annotation has all pods follow a new Secret.
fn stateful_set(args: &K8sArgs, token_id: &str, part: &PodSet) -> String {
    let K8sArgs { name, image, cpu, memory, .. } = args;
    let PodSet {
        name: own_name,
        component,
        replicas,
        command,
        grace_s,
        annotations,
        ports,
        mounts,
        volumes,
    } = part;
    let (all, own) = (labels(name, None), labels(name, Some(component)));
    let metadata = metadata(args, own_name, &own);
    format!(
        r#"---
apiVersion: apps/v1
kind: StatefulSet
{metadata}
spec:
  serviceName: "{name}"
  replicas: {replicas}
  podManagementPolicy: Parallel
  selector:
    matchLabels: {own}
  template:
    metadata:
      labels: {own}
      annotations:
        swell-token: "{token_id}"{annotations}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {grace_s}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile: {{ type: RuntimeDefault }}
        # Each connection to one address of the service takes a local port.
        sysctls: [{{ name: net.ipv4.ip_local_port_range, value: "10000 65535" }}]
      # A machine for each host, as far as there are any.
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {all}
      containers:
        - name: host
          image: "{image}"
          command: {command}
          workingDir: /tmp
          env:
            - {{ name: XDG_CACHE_HOME, value: /tmp/cache }}
            - {{ name: XDG_STATE_HOME, value: /tmp/state }}
            - {{ name: TMPDIR, value: /tmp }}
            - name: SWELL_TOKEN
              valueFrom:
                secretKeyRef: {{ name: "{name}", key: token }}{ports}
          # Requests are the limits, in whole cores: with the static CPU policy a kubelet then
          # gives the pod cores of its own.
          resources:
            requests: {{ cpu: "{cpu}", memory: "{memory}" }}
            limits: {{ cpu: "{cpu}", memory: "{memory}" }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{ drop: [ALL] }}
          volumeMounts:
            - {{ name: scratch, mountPath: /tmp }}{mounts}
      volumes:
        - name: scratch
          emptyDir: {{}}{volumes}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for name in ["swell", "a", "load-2", &"a".repeat(40)] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        for name in
            ["", "2load", "Swell", "a_b", "a.b", "-a", "a-", "a b", "ä", "a\n", &"a".repeat(41)]
        {
            assert!(parse_name(name).is_err(), "{name:?}");
        }
        assert!(parse_namespace("2load").is_ok() && parse_namespace(&"a".repeat(63)).is_ok());
        assert!(
            parse_namespace("").is_err()
                && parse_namespace("a.b").is_err()
                && parse_namespace(&"a".repeat(64)).is_err()
        );
    }

    #[test]
    fn quantities_and_images_are_what_they_seem() {
        for memory in ["4Gi", "512Mi", "1G", "1048576Ki"] {
            assert_eq!(parse_memory(memory).as_deref(), Ok(memory));
        }
        for memory in ["", "4", "0Gi", "4gb", "4GiB", "4m", "-4Gi", "4 Gi", "Gi", "1.5Gi", "4Gi\""]
        {
            assert!(parse_memory(memory).is_err(), "{memory:?}");
        }
        for image in ["swell", "localhost:5000/load/swell:1.0_a", "swell@sha256:0123abcd"] {
            assert_eq!(parse_image(image).as_deref(), Ok(image));
        }
        for image in ["", "-swell", "swell:1\"", "swell latest", "swell\n", "sw\\ell"] {
            assert!(parse_image(image).is_err(), "{image:?}");
        }
    }
}
