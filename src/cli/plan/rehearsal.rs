//! Asks the API server whether it would take the manifests of files. It judges by schema, by rules and by admission
//! policies, of which nothing else in a plan knows. The requests are dry runs, which store nothing.

use super::OBJECTS;
use super::files::{Failure, Manifests};
use super::world::Cluster;
use crate::api::resource::AwsResource;
use futures::StreamExt;
use hyper::{Method, Request};
use kube::api::ObjectMeta;
use kube::{Client, Error, Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The reason of what the API server would refuse.
pub(super) const REFUSED: &str = "RefusedByApiServer";

/// Time for one dry run.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks, for the API server's record of fields.
const MANAGER: &str = "ccagi-aws-agent-plan";

/// How many objects are named for which there is no answer, before the rest is counted.
const NAMED: usize = 3;

/// Namespace, empty for what has none, and name.
type Key = (String, String);

/// What the API server says to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// It would take it.
    Taken,
    /// It would not, for this reason.
    Refused(String),
    /// It was not or could not be asked, for this reason.
    NotAsked(String),
}

/// The API server, and the namespaces that are declared with the objects.
struct Rehearsal<'a> {
    client: &'a Client,
    declared: BTreeSet<String>,
    existing: BTreeSet<String>,
    /// Whether AwsAccounts are declared with the objects: policies judge by those of the cluster.
    accounts: bool,
    not_asked: BTreeMap<String, Vec<String>>,
    failures: Vec<Failure>,
}

/// Asks for every object of ours in the files. What is refused leaves the manifests and becomes a failure; the
/// answer is what there is to say of objects for which the API server could not be asked.
pub(super) async fn rehearse(client: &Client, cluster: &Cluster, manifests: &mut Manifests) -> Vec<String> {
    let mut rehearsal = Rehearsal {
        client,
        declared: manifests.namespaces.iter().map(ResourceExt::name_any).collect(),
        existing: cluster.namespaces.iter().map(ResourceExt::name_any).collect(),
        accounts: !manifests.accounts.is_empty(),
        not_asked: BTreeMap::new(),
        failures: Vec::new(),
    };
    rehearsal.ask_for(&mut manifests.accounts, &cluster.accounts).await;
    rehearsal.ask_for(&mut manifests.agents, &cluster.agents).await;
    rehearsal.ask_for(&mut manifests.resources, &cluster.resources).await;
    manifests.failures.append(&mut rehearsal.failures);
    rehearsal.not_asked.iter().map(|(why, objects)| remark(why, objects)).collect()
}

fn remark(why: &str, objects: &[String]) -> String {
    let named = objects.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match objects.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("Whether the API server would take {named}{more} is not known: {why}.")
}

impl Rehearsal<'_> {
    /// Asks for each of these objects, and keeps those that are not refused.
    async fn ask_for<K, L>(&mut self, declared: &mut Vec<K>, live: &[L])
    where
        K: Resource<DynamicType = ()> + Serialize,
        L: Resource,
    {
        let live: BTreeMap<Key, &ObjectMeta> = live.iter().map(|object| (key(object.meta()), object.meta())).collect();
        let questions: Vec<_> =
            declared.iter().map(|object| self.ask(object, live.get(&key(object.meta())).copied())).collect();
        let answers: Vec<Answer> = futures::stream::iter(questions).buffered(OBJECTS).collect().await;
        let mut answers = answers.into_iter();
        declared.retain(|object| {
            let what = shown(&key(object.meta()));
            match answers.next() {
                Some(Answer::Refused(why)) => {
                    self.failures.push(Failure::new(what, REFUSED, why));
                    false
                }
                Some(Answer::NotAsked(why)) => {
                    self.not_asked.entry(why).or_default().push(what);
                    true
                }
                Some(Answer::Taken) | None => true,
            }
        });
    }

    async fn ask<K>(&self, object: &K, live: Option<&ObjectMeta>) -> Answer
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let namespace = object.meta().namespace.as_deref();
        if let Some(namespace) =
            namespace.filter(|name| self.declared.contains(*name) && !self.existing.contains(*name))
        {
            return Answer::NotAsked(format!("the namespace {namespace} is not there yet"));
        }
        let request = match request(object, live) {
            Ok(request) => request,
            Err(why) => return Answer::NotAsked(why),
        };
        let verb = if live.is_some() { "patch" } else { "create" };
        match tokio::time::timeout(PATIENCE, self.client.request::<Value>(request)).await {
            Ok(Ok(_)) => Answer::Taken,
            Ok(Err(error)) => {
                let plural = K::plural(&());
                let before_accounts = self.accounts && plural == AwsResource::plural(&());
                judge(&error, verb, &plural, namespace, before_accounts)
            }
            Err(_) => Answer::NotAsked("the API server does not answer".into()),
        }
    }
}

fn key(meta: &ObjectMeta) -> Key {
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn shown((namespace, name): &Key) -> String {
    if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") }
}

/// The dry run: of making the object, or of giving the live one the declared spec, as the plan does.
fn request<K>(object: &K, live: Option<&ObjectMeta>) -> Result<Request<Vec<u8>>, String>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let text = |error: serde_json::Error| error.to_string();
    let document = serde_json::to_value(object).map_err(text)?;
    let meta = object.meta();
    let objects = K::url_path(&(), meta.namespace.as_deref());
    let options = format!("dryRun=All&fieldManager={MANAGER}");
    let (method, url, kind, body) = match live {
        None => {
            let metadata: Map<String, Value> = ["name", "namespace", "labels", "annotations"]
                .into_iter()
                .filter_map(|member| Some((member.to_owned(), document["metadata"].get(member)?.clone())))
                .collect();
            let body = json!({
                "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata, "spec": document["spec"],
            });
            (Method::POST, format!("{objects}?{options}"), "application/json", body)
        }
        Some(live) => {
            let merged = |live: &Option<BTreeMap<String, String>>, declared: &Option<BTreeMap<String, String>>| {
                let pairs = live.iter().flatten().chain(declared.iter().flatten());
                pairs.map(|(name, value)| (name.clone(), value.clone())).collect::<BTreeMap<_, _>>()
            };
            let body = json!([
                {"op": "add", "path": "/metadata/labels", "value": merged(&live.labels, &meta.labels)},
                {"op": "add", "path": "/metadata/annotations", "value": merged(&live.annotations, &meta.annotations)},
                {"op": "add", "path": "/spec", "value": document["spec"]},
            ]);
            let url = format!("{objects}/{}?{options}", object.name_any());
            (Method::PATCH, url, "application/json-patch+json", body)
        }
    };
    let body = serde_json::to_vec(&body).map_err(text)?;
    let request = Request::builder().method(method).uri(url).header("Content-Type", kind).body(body);
    request.map_err(|error| error.to_string())
}

/// What an error says of the object. Only an answer that speaks of the object itself is a refusal.
fn judge(error: &Error, verb: &str, plural: &str, namespace: Option<&str>, before_accounts: bool) -> Answer {
    let Error::Api(status) = error else {
        return Answer::NotAsked(format!("the API server does not answer: {}", one_line(&error.to_string())));
    };
    // The words of the API server's authorizer (`forbiddenMessage` in k8s.io/apiserver,
    // pkg/endpoints/handlers/responsewriters/errors.go). An admission policy says Forbidden in its own.
    let no_right = status.code == 403 && status.message.contains(&format!("cannot {verb} resource \"{plural}\""));
    // A webhook that writes elsewhere cannot take part in a dry run, and the API server asks it for none.
    let no_dry_run = status.message.contains("does not support dry run");
    match status.code {
        _ if no_right => {
            let place = namespace.map(|namespace| format!(" in the namespace {namespace}")).unwrap_or_default();
            Answer::NotAsked(format!("you have no right to {verb} {plural}{place}"))
        }
        403 if before_accounts => {
            let why = one_line(&status.message);
            Answer::NotAsked(format!("a policy refuses it before the AwsAccounts of the files are applied: {why}"))
        }
        400 | 403 | 404 | 422 if !no_dry_run => Answer::Refused(one_line(&status.message)),
        _ => Answer::NotAsked(format!("the API server did not say: {}", one_line(&status.message))),
    }
}

/// A text in which nothing begins a new line or moves the cursor.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn object() -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "assets", "namespace": "shop", "uid": "u", "annotations": {"b": "2"}},
            "spec": {"accountRef": {"name": "a"}, "s3Bucket": {"bucketName": "b"}},
            "status": {"id": "b"},
        }))
        .unwrap()
    }

    fn body(request: &Request<Vec<u8>>) -> Value {
        serde_json::from_slice(request.body()).unwrap()
    }

    #[test]
    fn what_is_new_is_made_without_what_only_a_cluster_gives() {
        let request = request(&object(), None).unwrap();
        let url =
            "/apis/aws.ccagi.io/v1alpha1/namespaces/shop/awsresources?dryRun=All&fieldManager=ccagi-aws-agent-plan";
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, url));
        let body = body(&request);
        assert_eq!(body["metadata"], json!({"name": "assets", "namespace": "shop", "annotations": {"b": "2"}}));
        assert_eq!((&body["spec"]["s3Bucket"]["bucketName"], body.get("status")), (&json!("b"), None));
    }

    #[test]
    fn what_exists_gets_the_whole_spec_and_keeps_its_annotations() {
        let annotations = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "1".to_owned())]);
        let live = ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() };
        let request = request(&object(), Some(&live)).unwrap();
        assert_eq!(request.method(), Method::PATCH);
        assert!(request.uri().to_string().contains("/awsresources/assets?dryRun=All&"), "{}", request.uri());
        let body = body(&request);
        assert_eq!(body[1]["value"], json!({"a": "1", "b": "2"}));
        assert_eq!(body[2]["value"], serde_json::to_value(object()).unwrap()["spec"]);
    }

    #[test]
    fn only_what_speaks_of_the_object_is_a_refusal() {
        let answer = |code: u16, message: &str| {
            let status = Status { code, message: message.into(), ..Status::default() };
            judge(&Error::Api(Box::new(status)), "create", "awsresources", Some("shop"), false)
        };
        let refused = |why: &str| Answer::Refused(why.into());
        assert_eq!(answer(422, "spec: Invalid\nvalue"), refused("spec: Invalid value"));
        let policy = "awsresources.aws.ccagi.io \"a\" is forbidden: ValidatingAdmissionPolicy 'x' denied request";
        assert_eq!(answer(403, policy), refused(policy));
        let status = Status { code: 403, message: policy.into(), ..Status::default() };
        let early = judge(&Error::Api(Box::new(status)), "create", "awsresources", Some("shop"), true);
        assert!(matches!(early, Answer::NotAsked(why) if why.contains(policy)), "the account may allow it then");
        assert_eq!(answer(404, "namespaces \"shop\" not found"), refused("namespaces \"shop\" not found"));
        let no_right =
            "awsresources.aws.ccagi.io is forbidden: User \"a\" cannot create resource \"awsresources\" in ...";
        let why = "you have no right to create awsresources in the namespace shop";
        assert_eq!(answer(403, no_right), Answer::NotAsked(why.into()));
        for (code, message) in [(409, "exists"), (429, "slow"), (500, "etcd"), (400, "x does not support dry run")] {
            assert!(matches!(answer(code, message), Answer::NotAsked(_)), "{code}");
        }
    }

    #[test]
    fn many_that_were_not_asked_for_are_one_sentence() {
        let objects: Vec<String> = (0..5).map(|number| format!("shop/{number}")).collect();
        let expected = "Whether the API server would take shop/0, shop/1, shop/2 and 2 more is not known: no.";
        assert_eq!(remark("no", &objects), expected);
    }
}
