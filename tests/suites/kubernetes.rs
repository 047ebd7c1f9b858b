//! A cluster made beforehand, and the manifests that carry it to Kubernetes.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use swell_tests::{Host, KubernetesSchemas};
use tempfile::TempDir;

fn manifests(args: &str) -> String {
    let printed = Host::new("k8s").args(args).finish().expect_code(0);
    assert!(printed.stderr.contains("private key"), "{}", printed.stderr);
    printed.stdout
}

/// The one object of this kind and name.
#[track_caller]
fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    let found: Vec<&Value> = objects.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{kind} {name} in {objects:#?}");
    found[0]
}

/// The `name`s of a list; none where there is no list.
fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item["name"].as_str().expect("it has a name")).collect()
}

/// Whether labels have all that a selector asks for.
fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().expect("a selector is an object");
    !selector.is_empty() && selector.iter().all(|(key, value)| labels[key] == *value)
}

#[test]
fn a_token_is_printed_alone_and_its_cluster_is_for_its_owner_alone() {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let make = |args: &str| Host::new("token").args(args).in_folder(folder.path()).finish();
    let made =
        make("--new-cluster c.toml --address swell-0.swell:7600 --address [2001:db8::1]:7600")
            .expect_code(0);
    let token = made.stdout.trim_end();
    assert!(
        token.starts_with("swell1.")
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
        "{}",
        made.stdout
    );
    assert!(
        made.stderr.contains("host node --listen 0.0.0.0:7600 --cluster c.toml")
            && !made.stderr.contains(token),
        "{}",
        made.stderr
    );
    let file = folder.path().join("c.toml");
    let text = std::fs::read_to_string(&file).expect("it was made");
    assert!(text.contains(token) && text.contains("PRIVATE KEY"));
    assert_eq!(file.metadata().expect("it was made").permissions().mode() & 0o777, 0o600);

    for (args, words) in [
        ("--new-cluster c.toml --address a:1", "c.toml exists already"),
        ("--new-cluster d.toml --address swell-0.swell", "it has no port"),
        ("--new-cluster d.toml --address a:1 --expires 0", "admits nobody"),
        ("--new-cluster d.toml --address a:1 --uses 0", "--uses"),
        ("--new-cluster nowhere/d.toml --address a:1", "cannot make nowhere/d.toml"),
        ("--new-cluster d.toml", "--address"),
    ] {
        let refused = make(args).expect_code(104);
        assert!(
            refused.stderr.contains(words) && refused.stdout.is_empty(),
            "{args}: {}",
            refused.stderr
        );
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is still there"), text);
    assert!(!folder.path().join("d.toml").exists(), "nothing is made by what is refused");
}

#[test]
fn names_and_quantities_that_kubernetes_would_refuse_are_refused() {
    let good = "--hosts 2 --image swell:1";
    for (args, words) in [
        ("--hosts 0 --image swell:1", "--hosts"),
        ("--hosts 2", "--image"),
        ("--hosts 2 --image swell:1\"", "--image"),
        (&format!("{good} --name Swell"), "first a letter"),
        (&format!("{good} --name 2nd"), "first a letter"),
        (&format!("{good} --namespace a_b"), "--namespace"),
        (&format!("{good} --cpu 1500m"), "--cpu"),
        (&format!("{good} --cpu 0"), "--cpu"),
        (&format!("{good} --memory 4GB"), "512Mi or 4Gi"),
    ] {
        let refused = Host::new("k8s").args(args).finish().expect_code(104);
        assert!(
            refused.stderr.contains(words) && refused.stdout.is_empty(),
            "{args}: {}",
            refused.stderr
        );
    }
}

#[test]
fn kubernetes_takes_the_manifests_and_no_misspelt_ones() {
    let Some(schemas) = KubernetesSchemas::find() else { return };
    let good = manifests(
        "--hosts 3 --image registry.example.com:5000/swell@sha256:00ff --name null --namespace 1e3 \
        --cpu 8 --memory 512Mi",
    );
    schemas.read(&good).unwrap_or_else(|error| panic!("{error}\n{good}"));
    for (right, wrong) in [
        ("readOnlyRootFilesystem", "readOnlyRootFileSystem"),
        ("publishNotReadyAddresses", "publishNotreadyAddresses"),
        ("whenUnsatisfiable", "whenUnsatisfied"),
        ("replicas: 2", "replicas: two"),
        ("stringData:", "stringDatum:"),
        ("secretKeyRef: {", "secretKeyRef: { keys: x,"),
    ] {
        let misspelt = good.replace(right, wrong);
        assert_ne!(misspelt, good, "there is no {right}");
        let error = schemas.read(&misspelt).expect_err(wrong);
        assert!(error.contains("ValidationError"), "{wrong}: {error}");
    }
}

/// What the container of a pod mounts and reads is there, and the key is the coordinator's alone.
#[track_caller]
fn check_container(pod: &Value, is_coordinator: bool) {
    let container = &pod["containers"][0];
    assert_eq!(
        container["resources"]["requests"], container["resources"]["limits"],
        "quality of service is guaranteed by that"
    );
    let (mut volumes, mut mounts) = (names(&pod["volumes"]), names(&container["volumeMounts"]));
    volumes.sort_unstable();
    mounts.sort_unstable();
    assert_eq!(volumes, mounts);

    let env = container["env"].as_array().expect("there are variables");
    let reference = |name: &str| env.iter().find(|variable| variable["name"] == name).expect(name);
    assert_eq!(
        reference("SWELL_TOKEN")["valueFrom"]["secretKeyRef"],
        json!({ "name": "on", "key": "token" })
    );
    let mount = |path: &str| {
        container["volumeMounts"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|mount| mount["mountPath"] == path)
    };
    assert!(
        mount("/tmp")
            && reference("XDG_CACHE_HOME")["value"]
                .as_str()
                .is_some_and(|path| path.starts_with("/tmp/"))
    );
    // The key is for the coordinator alone, and readable for its group, which is the pod's.
    let key = pod["volumes"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|volume| volume["secret"].is_object());
    assert_eq!((key.is_some(), mount("/etc/swell")), (is_coordinator, is_coordinator));
    if let Some(key) = key {
        assert_eq!(
            (&key["secret"]["secretName"], &key["secret"]["defaultMode"]),
            (&json!("on"), &json!(0o440))
        );
        assert_eq!(
            key["secret"]["items"],
            json!([{ "key": "cluster.toml", "path": "cluster.toml" }])
        );
        assert!(pod["securityContext"]["fsGroup"].is_u64());
    }
}

#[test]
fn what_the_manifests_name_is_there() {
    let Some(schemas) = KubernetesSchemas::find() else { return };
    let objects = schemas
        .read(&manifests("--hosts 4 --image swell:1 --name on --namespace load"))
        .expect("they are good");
    assert_eq!(objects.len(), 4);
    assert!(objects.iter().all(|object| object["metadata"]["namespace"] == "load"));
    let (secret, service) = (object(&objects, "Secret", "on"), object(&objects, "Service", "on"));
    let (coordinator, others) =
        (object(&objects, "StatefulSet", "on"), object(&objects, "StatefulSet", "on-host"));
    assert_eq!(
        (&coordinator["spec"]["replicas"], &others["spec"]["replicas"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        (&service["spec"]["clusterIP"], &service["spec"]["publishNotReadyAddresses"]),
        (&json!("None"), &json!(true))
    );

    let (file, token) = (&secret["stringData"]["cluster.toml"], &secret["stringData"]["token"]);
    let (file, token) = (file.as_str().expect("it is text"), token.as_str().expect("it is text"));
    assert!(
        file.contains("PRIVATE KEY")
            && file.contains(token)
            && file.lines().any(|line| line == "tokens = ["),
        "{file}"
    );

    for (set, other) in [(coordinator, others), (others, coordinator)] {
        let (spec, labels) = (&set["spec"], &set["spec"]["template"]["metadata"]["labels"]);
        assert!(selects(&spec["selector"]["matchLabels"], labels), "{set:#}");
        assert!(
            !selects(&other["spec"]["selector"]["matchLabels"], labels),
            "a pod is of one set: {set:#}"
        );
        assert!(
            selects(&service["spec"]["selector"], labels),
            "a pod without its Service has no name: {set:#}"
        );
        assert_eq!(spec["serviceName"], "on");

        let pod = &spec["template"]["spec"];
        assert!(selects(
            &pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
            labels
        ));
        assert_eq!(
            (&pod["automountServiceAccountToken"], &pod["securityContext"]["runAsNonRoot"]),
            (&json!(false), &json!(true))
        );
        check_container(pod, set == coordinator);
    }
    let command =
        |set: &Value| set["spec"]["template"]["spec"]["containers"][0]["command"].to_string();
    assert!(
        command(coordinator).contains(r#""--cluster","/etc/swell/cluster.toml""#),
        "{}",
        command(coordinator)
    );
    assert!(command(others).contains(r#""--coordinator","on-0.on:7600""#), "{}", command(others));
}

#[test]
fn one_host_is_the_coordinator_alone_and_each_call_makes_another_cluster() {
    let Some(schemas) = KubernetesSchemas::find() else { return };
    let read = || schemas.read(&manifests("--hosts 1 --image swell:1")).expect("they are good");
    let (one, other) = (read(), read());
    assert_eq!(one.len(), 3);
    assert!(
        one.iter().all(|object| object["metadata"]["namespace"].is_null()),
        "it is kubectl's to say"
    );
    let of = |objects: &[Value]| {
        let pod = &object(objects, "StatefulSet", "swell")["spec"]["template"]["metadata"];
        (
            object(objects, "Secret", "swell")["stringData"]["token"].clone(),
            pod["annotations"].clone(),
        )
    };
    let ((token, pod), (other_token, other_pod)) = (of(&one), of(&other));
    assert!(token != other_token && pod != other_pod, "pods begin anew with another Secret");
}
