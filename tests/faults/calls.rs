//! What a call is, read from its HTTP request, so that the same call has the same name in every run.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The door that a call goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Kubernetes,
    Aws,
}

/// A call as far as plans and invariants need to know it.
#[derive(Clone, Debug)]
pub struct Call {
    pub door: Door,
    /// The AWS service, empty for the API server.
    pub service: String,
    /// The operation, or the verb and the object with its subresource.
    pub operation: String,
    pub write: bool,
    pub body: String,
    /// The method, path and query.
    pub line: String,
    /// The access key that signed an AWS call.
    pub access_key: String,
}

impl Call {
    /// Reads an AWS request: the operation is named by a header (JSON), by the form (query protocol), or
    /// by method and path (S3 and Lambda).
    pub fn aws(request: &HttpRequest) -> Self {
        let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
        let body = request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        let authorization = header("authorization");
        let scope = authorization.split("Credential=").nth(1).and_then(|rest| rest.split(',').next());
        let scope: Vec<&str> = scope.unwrap_or_default().split('/').collect();
        let service = scope.get(3).copied().unwrap_or("sts").to_owned();
        let uri: axum::http::Uri = request.uri().parse().unwrap();
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let target = header("x-amz-target");
        let name = match (target.rsplit('.').next().filter(|name| !name.is_empty()), action) {
            (Some(name), _) | (None, Some(name)) => name.to_owned(),
            (None, None) if service == "s3" => s3_name(request.method(), path, query),
            (None, None) => rest_name(request.method(), path),
        };
        let write = match service.as_str() {
            "s3" | "lambda" => !["GET", "HEAD"].contains(&request.method()),
            _ => !["Get", "List", "Describe", "Assume"].iter().any(|verb| name.starts_with(verb)),
        };
        Self {
            door: Door::Aws,
            operation: format!("{service}.{name}"),
            service,
            write,
            body,
            line: format!("{} {path}?{query}", request.method()),
            access_key: scope.first().copied().unwrap_or_default().to_owned(),
        }
    }

    /// Reads a request to the API server. Objects are named without the namespace; Events by what they
    /// are about.
    pub fn kubernetes(method: &str, path: &str, body: String) -> Self {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let namespaced = segments.iter().position(|segment| *segment == "namespaces").map(|at| at + 2);
        let rest = match namespaced {
            Some(at) if segments.len() > at => &segments[at..],
            _ => &segments[3.min(segments.len())..],
        };
        let operation = match rest {
            ["events", ..] => format!("{method}.events/{}", regarded(&body, rest)),
            // Its name is the plan's.
            ["awsaccounts", _, ..] => format!("{method}.awsaccounts/account/{}", rest[2..].join("/")),
            _ => format!("{method}.{}", rest.join("/")),
        };
        Self {
            door: Door::Kubernetes,
            service: String::new(),
            operation,
            // The API server is asked for one's own rights by a POST.
            write: method != "GET" && rest.first() != Some(&"selfsubjectaccessreviews"),
            body,
            line: format!("{method} {path}"),
            access_key: String::new(),
        }
    }

    /// Whether it makes something in AWS.
    pub fn creates(&self) -> bool {
        let name = self.operation.split_once('.').map_or("", |(_, name)| name);
        let verb = ["Create", "Run", "Allocate", "Publish"].iter().any(|verb| name.starts_with(verb));
        self.write && (verb || self.operation == "s3.PUT" || self.operation == "lambda.POST.functions")
    }

    /// Whether it takes something away in AWS.
    pub fn destroys(&self) -> bool {
        let name = self.operation.split_once('.').map_or("", |(_, name)| name);
        let verb = ["Delete", "Terminate", "Release"].iter().any(|verb| name.starts_with(verb));
        self.write && (verb || self.operation == "s3.DELETE" || self.operation == "lambda.DELETE.functions.*")
    }
}

fn regarded(body: &str, rest: &[&str]) -> String {
    let event: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let named = event["regarding"]["name"].as_str().map(str::to_owned);
    let from_name = || rest.get(1).and_then(|name| name.split('.').next()).unwrap_or_default().to_owned();
    named.unwrap_or_else(from_name)
}

fn s3_name(method: &str, path: &str, query: &str) -> String {
    let mut parts = query.split('&').filter_map(|pair| pair.split('=').next());
    let part = parts.find(|part| !part.is_empty() && *part != "x-id");
    let object = if path.trim_matches('/').contains('/') { ".object" } else { "" };
    format!("{method}{object}{}", part.map(|part| format!(".{part}")).unwrap_or_default())
}

/// Method and path without the API's date, with a star for every name in it.
fn rest_name(method: &str, path: &str) -> String {
    let words: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    let star = |(at, word): (usize, &&str)| if at % 2 == 1 { "*".to_owned() } else { (*word).to_owned() };
    let words: Vec<String> = match words.first() {
        Some(&"tags") => vec!["tags".into()],
        _ => words.iter().enumerate().map(star).collect(),
    };
    format!("{method}.{}", words.join("."))
}

#[test]
fn calls_have_the_same_name_in_every_run() {
    assert_eq!(s3_name("PUT", "/bucket", "versioning"), "PUT.versioning");
    assert_eq!(s3_name("PUT", "/bucket", ""), "PUT");
    assert_eq!(rest_name("PUT", "/2015-03-31/functions/f/configuration"), "PUT.functions.*.configuration");
    let path = "/apis/aws.ccagi.io/v1alpha1/namespaces/n/awsresources/network/status";
    assert_eq!(Call::kubernetes("PATCH", path, String::new()).operation, "PATCH.awsresources/network/status");
    let account = Call::kubernetes("PATCH", "/apis/aws.ccagi.io/v1alpha1/awsaccounts/plan-1/status", String::new());
    assert_eq!(account.operation, "PATCH.awsaccounts/account/status");
    assert!(account.write);
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert!(!Call::kubernetes("POST", path, String::new()).write, "a question for one's own rights changes nothing");
}
