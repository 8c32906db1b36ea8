//! Reads manifests from files, folders and standard input, as far as a plan needs them.

use crate::api::account::AwsAccount;
use crate::api::resource::AwsResource;
use crate::api::service_agent::ServiceAgent;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What files hold.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub resources: Vec<AwsResource>,
    pub accounts: Vec<AwsAccount>,
    pub namespaces: Vec<PartialObjectMeta<Namespace>>,
    pub agents: Vec<ServiceAgent>,
    /// How many objects of other kinds were left out.
    pub others: usize,
    /// What could not be read.
    pub failures: Vec<Failure>,
}

/// Something that could not be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The object as namespace and name, or the file.
    pub what: String,
    /// CamelCase.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl Failure {
    pub fn new(what: impl Into<String>, reason: &'static str, message: impl Into<String>) -> Self {
        Self { what: what.into(), reason, message: message.into() }
    }
}

/// Reads all of them; of a folder, its own files that end in `.yaml`, `.yml` or `.json`. `-` is standard
/// input. Objects without a namespace are taken to be in `namespace`.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Manifests {
    let mut manifests = Manifests::default();
    for path in paths {
        match texts(path) {
            Ok(texts) => texts.iter().for_each(|(name, text)| manifests.take_in(name, text, namespace)),
            Err(error) => manifests.fail(&path.display().to_string(), "UnreadableFile", &error.to_string()),
        }
    }
    manifests.refuse_repeats();
    manifests
}

fn texts(path: &Path) -> std::io::Result<Vec<(String, String)>> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(vec![("standard input".into(), text)]);
    }
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        files.retain(|file| file.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json"));
        files.sort();
    }
    files.into_iter().map(|file| Ok((file.display().to_string(), std::fs::read_to_string(&file)?))).collect()
}

/// Puts an object that says no namespace into this one.
fn place(document: &mut Value, namespace: &str) {
    if document["metadata"]["namespace"].is_null() && document["metadata"].is_object() {
        document["metadata"]["namespace"] = namespace.into();
    }
}

impl Manifests {
    fn fail(&mut self, what: &str, reason: &'static str, message: &str) {
        self.failures.push(Failure::new(what, reason, message));
    }

    fn take_in(&mut self, file: &str, text: &str, namespace: &str) {
        match serde_saphyr::from_multiple::<Value>(text) {
            Ok(documents) => documents.into_iter().for_each(|document| self.take(file, document, namespace)),
            Err(error) => self.fail(file, "UnreadableFile", &format!("it is no YAML: {error}")),
        }
    }

    fn take(&mut self, file: &str, mut document: Value, namespace: &str) {
        let member = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        let (version, kind) = (member("apiVersion"), member("kind"));
        let group = version.split('/').next().unwrap_or_default();
        match (group, kind.as_str()) {
            _ if document.is_null() => {}
            ("v1", "List") => {
                let items = document["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
                items.into_iter().for_each(|item| self.take(file, item, namespace));
            }
            ("aws.ccagi.io", "AwsResource") => {
                place(&mut document, namespace);
                let object: Option<AwsResource> = self.parse(file, &document);
                self.resources.extend(object);
            }
            ("aws.ccagi.io", "ServiceAgent") => {
                place(&mut document, namespace);
                let agent = self.parse(file, &document);
                self.agents.extend(agent);
            }
            ("aws.ccagi.io", "AwsAccount") => {
                let account = self.parse(file, &document);
                self.accounts.extend(account);
            }
            ("v1", "Namespace") => {
                let found = self.parse(file, &document);
                self.namespaces.extend(found);
            }
            _ => self.others += 1,
        }
    }

    /// The object, unless it has fields that its type does not know: they would be lost without a word, and
    /// with them what was meant.
    fn parse<T: DeserializeOwned + serde::Serialize>(&mut self, file: &str, document: &Value) -> Option<T> {
        let name = |member: &str| document["metadata"][member].as_str();
        let what = match (name("namespace"), name("name")) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            (None, Some(name)) => name.to_owned(),
            (_, None) => {
                self.fail(file, "InvalidManifest", "metadata.name is missing");
                return None;
            }
        };
        let object: T = match serde_json::from_value(document.clone()) {
            Ok(object) => object,
            Err(error) => {
                self.fail(&what, "InvalidManifest", &format!("{file}: {error}"));
                return None;
            }
        };
        let read = serde_json::to_value(&object).unwrap_or_default();
        if let Some(path) = lost(&document["spec"], &read["spec"], "spec") {
            self.fail(&what, "InvalidManifest", &format!("{file}: {path} is no field that is known"));
            return None;
        }
        Some(object)
    }

    fn refuse_repeats(&mut self) {
        let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for object in &self.resources {
            let what = super::name_of(object);
            if !seen.insert(what.clone()) {
                twice.insert(what);
            }
        }
        self.resources.retain(|object| !twice.contains(&super::name_of(object)));
        for what in twice {
            self.fail(&what, "InvalidManifest", "it is declared more than once in these files");
        }
    }
}

/// The path of the first value that was written and was not read.
fn lost(written: &Value, read: &Value, path: &str) -> Option<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            written.iter().filter(|(_, value)| !says_nothing(value)).find_map(|(name, value)| {
                let path = format!("{path}.{name}");
                read.get(name).map_or_else(|| Some(path.clone()), |found| lost(value, found, &path))
            })
        }
        (Value::Array(written), Value::Array(read)) => {
            let pairs = written.iter().zip(read).enumerate();
            pairs.into_iter().find_map(|(index, (value, found))| lost(value, found, &format!("{path}[{index}]")))
        }
        _ => None,
    }
}

/// Whether a value is what an absent one would be.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::ResourceExt;

    const BUCKET: &str = "apiVersion: aws.ccagi.io/v1alpha1\nkind: AwsResource\nmetadata: {name: assets}\n\
                          spec: {accountRef: {name: a}, s3Bucket: {bucketName: b, versioning: Enabled}}";

    fn taken(text: &str) -> Manifests {
        let mut manifests = Manifests::default();
        manifests.take_in("a.yaml", text, "shop");
        manifests.refuse_repeats();
        manifests
    }

    #[test]
    fn objects_without_a_namespace_are_in_the_one_of_the_command() {
        let found = taken(BUCKET);
        assert_eq!(found.resources[0].namespace().as_deref(), Some("shop"), "{:?}", found.failures);
    }

    #[test]
    fn lists_are_taken_apart_and_other_kinds_are_counted() {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}},
        ]});
        let found = taken(&format!("{list}\n---\n---\n{BUCKET}"));
        assert_eq!((found.resources.len(), found.namespaces.len(), found.others), (1, 1, 1), "{:?}", found.failures);
    }

    #[test]
    fn a_field_that_is_misspelt_is_told_and_not_lost() {
        let found = taken(&BUCKET.replace("versioning", "versionning"));
        assert!(found.resources.is_empty());
        assert_eq!(found.failures[0].message, "a.yaml: spec.s3Bucket.versionning is no field that is known");
    }

    #[test]
    fn an_object_that_is_declared_twice_is_not_planned_by_either() {
        let found = taken(&format!("{BUCKET}\n---\n{BUCKET}"));
        assert!(found.resources.is_empty());
        assert_eq!(found.failures[0].what, "shop/assets");
    }

    #[test]
    fn a_file_that_is_no_yaml_hides_none_of_the_others() {
        let mut found = taken("a: [");
        found.take_in("b.yaml", BUCKET, "shop");
        assert_eq!((found.failures.len(), found.resources.len()), (1, 1));
        assert_eq!(found.failures[0].what, "a.yaml");
    }
}
