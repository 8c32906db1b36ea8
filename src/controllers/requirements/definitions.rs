//! Whether the API server serves our definitions, and with every field that this program knows.
//!
//! What is served is read from the OpenAPI document of the group, which every authenticated client may read
//! (ClusterRole `system:discovery`); the definitions themselves would take a right of their own. The document
//! knows a definition once it is established, and in the versions that are served. What it has beyond this
//! program is a newer definition's, and does no harm.

use crate::api::crd;
use axum::body::{Body as Answer, to_bytes};
use hyper::header::{ACCEPT, ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{Request, Response, StatusCode};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Error, ResourceExt};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The most fields of a definition that are named.
const NAMED: usize = 10;

/// The longest document that is read, in bytes.
const LONGEST: usize = 64 << 20;

/// What a definition lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    definition: String,
    /// Paths of fields, and of values that a field may have; none where all of it is missing.
    fields: Vec<String>,
}

impl Lack {
    /// The definition is not there at all, or not in our version.
    pub fn all(definition: &str) -> Self {
        Self::fields(definition, Vec::new())
    }

    /// The definition lacks these fields.
    pub fn fields(definition: &str, fields: Vec<String>) -> Self {
        Self { definition: definition.to_owned(), fields }
    }

    /// Whether the definition itself is missing.
    pub fn is_all(&self) -> bool {
        self.fields.is_empty()
    }

    /// The definition's name.
    pub fn definition(&self) -> &str {
        &self.definition
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.fields.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        write!(text, "{} lacks {named}", self.definition)?;
        match self.fields.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(text, " and {more} more"),
        }
    }
}

/// The definitions as this program was built with them.
pub struct Definitions {
    /// Where the API server says what it serves.
    document: String,
    known: Vec<Known>,
    /// What was found in the last document, with its ETag: it is long, and seldom another.
    last: Mutex<Option<(HeaderValue, Vec<Lack>)>>,
}

struct Known {
    definition: String,
    /// The name of its schema in the document.
    schema_name: String,
    schema: JSONSchemaProps,
}

#[derive(Deserialize)]
struct Document {
    components: Components,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Components {
    schemas: HashMap<String, Value>,
}

impl Definitions {
    /// The definitions that `ccagi-aws-agent crds` prints.
    pub fn of_this_program() -> Self {
        let (mut document, mut known) = (String::new(), Vec::new());
        for definition in crd::all() {
            let name = definition.name_any();
            let (group, kind) = (definition.spec.group, definition.spec.names.kind);
            for version in definition.spec.versions {
                document = format!("/openapi/v3/apis/{group}/{}", version.name);
                // As the API server names them: its builder turns the group around.
                let package: Vec<&str> = group.split('.').rev().collect();
                let schema_name = format!("{}.{}.{kind}", package.join("."), version.name);
                if let Some(schema) = version.schema.and_then(|schema| schema.open_api_v3_schema) {
                    known.push(Known { definition: name.clone(), schema_name, schema });
                }
            }
        }
        Self { document, known, last: Mutex::default() }
    }

    /// What the served definitions lack. The document is read again only where it has changed.
    ///
    /// # Errors
    /// Where the API server does not say what it serves.
    pub async fn lacks(&self, client: &Client) -> Result<Vec<Lack>, Error> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = self.ask(client, last.as_ref().map(|(tag, _)| tag)).await?;
        match (answer.status(), last) {
            (StatusCode::NOT_MODIFIED, Some((_, lacks))) => return Ok(lacks),
            // Nothing of the group is served in this version.
            (StatusCode::NOT_FOUND, _) => return self.lacks_of(HashMap::new()),
            (status, _) if !status.is_success() => return Err(refused(status)),
            _ => {}
        }
        let tag = answer.headers().get(ETAG).cloned();
        let text =
            to_bytes(Answer::new(answer.into_body()), LONGEST).await.map_err(|error| Error::Service(error.into()))?;
        let document: Document = serde_json::from_slice(&text).map_err(Error::SerdeError)?;
        let lacks = self.lacks_of(document.components.schemas)?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = tag.map(|tag| (tag, lacks.clone()));
        Ok(lacks)
    }

    /// Asks for the document, unless it is still the one with this ETag.
    async fn ask(&self, client: &Client, known: Option<&HeaderValue>) -> Result<Response<Body>, Error> {
        let mut request = Request::get(&self.document).header(ACCEPT, "application/json");
        if let Some(tag) = known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        client.send(request.body(Body::empty()).map_err(Error::HttpError)?).await
    }

    fn lacks_of(&self, mut served: HashMap<String, Value>) -> Result<Vec<Lack>, Error> {
        let mut lacks = Vec::new();
        for Known { definition, schema_name, schema } in &self.known {
            let Some(found) = served.remove(schema_name) else {
                lacks.push(Lack::all(definition));
                continue;
            };
            let found: JSONSchemaProps = serde_json::from_value(found).map_err(Error::SerdeError)?;
            let mut fields = Vec::new();
            compare(schema, &found, "", &mut fields);
            if !fields.is_empty() {
                lacks.push(Lack::fields(definition, fields));
            }
        }
        Ok(lacks)
    }
}

fn refused(status: StatusCode) -> Error {
    let text = format!("the API server answers {status} when it is asked what it serves");
    Error::Api(Status::failure(&text, "").with_code(status.as_u16()).boxed())
}

/// Finds what `served` lacks of `known`: fields, which the API server would drop, and values, which it would
/// refuse.
fn compare(known: &JSONSchemaProps, served: &JSONSchemaProps, path: &str, lacking: &mut Vec<String>) {
    if served.x_kubernetes_preserve_unknown_fields == Some(true) {
        return;
    }
    let point = if path.is_empty() { "" } else { "." };
    for (name, field) in known.properties.iter().flatten() {
        let found = served.properties.as_ref().and_then(|fields| fields.get(name));
        compare_member(field, found, format!("{path}{point}{name}"), lacking);
    }
    if let Some(item) = item(known) {
        compare_member(item, self::item(served), format!("{path}[]"), lacking);
    }
    if let Some(value) = value(known) {
        compare_member(value, self::value(served), format!("{path}.*"), lacking);
    }
    if let Some(choices) = &served.enum_ {
        let missing = known.enum_.iter().flatten().filter(|choice| !choices.contains(choice));
        lacking.extend(missing.map(|choice| format!("{path}: {}", choice.0)));
    }
}

fn compare_member(known: &JSONSchemaProps, served: Option<&JSONSchemaProps>, path: String, lacking: &mut Vec<String>) {
    match served {
        Some(served) => compare(known, served, &path, lacking),
        None => lacking.push(path),
    }
}

/// What the items of a list are.
fn item(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => Some(item),
        _ => None,
    }
}

/// What the values of a map are.
fn value(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(value)) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(schema: &Value) -> JSONSchemaProps {
        serde_json::from_value(schema.clone()).unwrap()
    }

    fn lacking(known: &JSONSchemaProps, served: &Value) -> Vec<String> {
        let mut found = Vec::new();
        compare(known, &read(served), "", &mut found);
        found
    }

    /// The JSON pointers of everything that can be missing, each with the path under which it is told.
    fn parts(schema: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
        let point = if path.is_empty() { "" } else { "." };
        let members = schema["properties"].as_object().into_iter().flatten();
        let members = members.map(|(name, _)| (format!("properties/{name}"), format!("{path}{point}{name}")));
        let others = [("items", "[]"), ("additionalProperties", ".*")];
        let others = others.into_iter().filter(|(member, _)| schema[*member].is_object());
        let others = others.map(|(member, sign)| (member.to_owned(), format!("{path}{sign}")));
        for (member, path) in members.chain(others) {
            let pointer = format!("{pointer}/{member}");
            parts(schema.pointer(&format!("/{member}")).unwrap(), &pointer, &path, found);
            found.push((pointer, path));
        }
        for (number, choice) in schema["enum"].as_array().into_iter().flatten().enumerate() {
            found.push((format!("{pointer}/enum/{number}"), format!("{path}: {choice}")));
        }
    }

    fn without(schema: &Value, pointer: &str) -> Value {
        let mut less = schema.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let place = less.pointer_mut(parent).unwrap();
        if let Some(members) = place.as_object_mut() {
            members.remove(member).unwrap();
        } else {
            place.as_array_mut().unwrap().remove(member.parse().unwrap());
        }
        less
    }

    #[test]
    fn every_single_part_of_every_definition_is_told_by_its_path_when_it_is_missing() {
        let mut count = 0;
        for known in Definitions::of_this_program().known {
            let schema = serde_json::to_value(&known.schema).unwrap();
            let mut all = Vec::new();
            parts(&schema, "", "", &mut all);
            for (pointer, path) in all {
                assert_eq!(lacking(&known.schema, &without(&schema, &pointer)), [path]);
                count += 1;
            }
        }
        assert!(count > 400, "only {count} parts were looked at");
    }

    #[test]
    fn a_definition_that_is_as_new_or_newer_lacks_nothing() {
        let all = Definitions::of_this_program().known;
        let known = all.into_iter().find(|known| known.definition == "awsresources.aws.ccagi.io").unwrap().schema;
        let schema = serde_json::to_value(&known).unwrap();
        assert_eq!(lacking(&known, &schema), Vec::<String>::new());
        let mut newer = schema.clone();
        newer["properties"]["spec"]["properties"]["fromTheFuture"] = serde_json::json!({"type": "string"});
        let choices = &mut newer["properties"]["spec"]["properties"]["deletionPolicy"]["enum"];
        choices.as_array_mut().unwrap().push("FromTheFuture".into());
        assert_eq!(lacking(&known, &newer), Vec::<String>::new());
        let mut open = schema;
        open["properties"]["spec"] = serde_json::json!({"x-kubernetes-preserve-unknown-fields": true});
        assert_eq!(lacking(&known, &open), Vec::<String>::new(), "nothing is dropped from what is open");
    }

    #[test]
    fn of_many_fields_some_are_named_and_the_others_counted() {
        let fields: Vec<String> = (1..=12).map(|number| format!("f{number}")).collect();
        let told = Lack::fields("things.example.com", fields).to_string();
        assert_eq!(told, "things.example.com lacks f1, f2, f3, f4, f5, f6, f7, f8, f9, f10 and 2 more");
    }

    #[tokio::test]
    async fn a_document_that_has_not_changed_is_not_read_again() {
        let server = tower::service_fn(|request: Request<Body>| async move {
            let known = request.headers().get(IF_NONE_MATCH).is_some_and(|tag| tag == "\"1\"");
            let answer = Response::builder().header(ETAG, "\"1\"");
            Ok::<_, tower::BoxError>(match known {
                true => answer.status(StatusCode::NOT_MODIFIED).body(Body::empty()).unwrap(),
                false => answer.body(Body::from(br#"{"components": {"schemas": {}}}"#.to_vec())).unwrap(),
            })
        });
        let (client, definitions) = (Client::new(server, "default"), Definitions::of_this_program());
        let first = definitions.lacks(&client).await.unwrap();
        assert_eq!(first.len(), definitions.known.len());
        assert_eq!(definitions.lacks(&client).await.unwrap(), first);
    }

    #[tokio::test]
    async fn an_api_server_that_refuses_to_say_has_not_taken_anything_away() {
        let server = tower::service_fn(|_: Request<Body>| async {
            Ok::<_, tower::BoxError>(Response::builder().status(503).body(Body::empty()).unwrap())
        });
        let error = Definitions::of_this_program().lacks(&Client::new(server, "default")).await.unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
    }

    #[test]
    fn the_document_of_the_group_is_asked_for() {
        let definitions = Definitions::of_this_program();
        assert_eq!(definitions.document, "/openapi/v3/apis/aws.ccagi.io/v1alpha1");
        assert!(definitions.known.iter().any(|known| known.schema_name == "io.ccagi.aws.v1alpha1.AwsResource"));
    }
}
