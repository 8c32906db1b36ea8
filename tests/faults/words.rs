//! Answers of AWS as they go wrong, in each service's own protocol.
//!
//! The words are those of `tests/env/emulator/wire.py`, which names their sources; codes for what does
//! not exist are from the error references of the services.

use super::calls::Call;
use super::plan::Fault;

/// A status, a content type, the error header of the JSON protocols and a body.
#[derive(Debug)]
pub struct Words {
    pub status: u16,
    pub content_type: &'static str,
    pub code: String,
    pub body: String,
}

/// The error that `call` is answered with; nothing where the service has none for this call.
pub fn error(call: &Call, fault: Fault) -> Option<Words> {
    let service = call.service.as_str();
    let query = ["iam", "rds", "sts"].contains(&service);
    let (code, status) = match (fault, service) {
        (Fault::Throttled, "ec2") => ("RequestLimitExceeded", 503),
        (Fault::Throttled, "s3") => ("SlowDown", 503),
        (Fault::Throttled, "lambda") => ("TooManyRequestsException", 429),
        (Fault::Throttled, _) if query => ("Throttling", 400),
        (Fault::Throttled, _) => ("ThrottlingException", 400),
        (Fault::Denied, "ec2") => ("UnauthorizedOperation", 403),
        (Fault::Denied, "s3") => ("AccessDenied", 403),
        (Fault::Denied, "lambda") => ("AccessDeniedException", 403),
        (Fault::Denied, _) if query => ("AccessDenied", 403),
        (Fault::Denied, _) => ("AccessDeniedException", 400),
        (Fault::ErrorBefore | Fault::ErrorAfter, "ec2" | "s3") => ("InternalError", 500),
        (Fault::ErrorBefore | Fault::ErrorAfter, "lambda") => ("ServiceException", 500),
        (Fault::ErrorBefore | Fault::ErrorAfter, _) if query => ("InternalFailure", 500),
        (Fault::ErrorBefore | Fault::ErrorAfter, _) => ("InternalServerError", 500),
        (Fault::NotFound, _) => missing(call)?,
        (Fault::Blank, _) => return Some(in_between("application/xml", "")),
        (Fault::Page, _) => {
            return Some(in_between("text/html", "<html><body><h1>404 Not Found</h1></body></html>"));
        }
        _ => return None,
    };
    Some(words(call, code, status))
}

/// What something between us and AWS answers, which knows no code of AWS.
fn in_between(content_type: &'static str, body: &str) -> Words {
    Words { status: 404, content_type, code: String::new(), body: body.to_owned() }
}

/// Whether the call can go wrong in this way: what a call without an id looks for cannot be said not to exist.
pub fn can_be(call: &Call, fault: Fault) -> bool {
    fault != Fault::NotFound || error(call, fault).is_some()
}

/// The code for what does not exist: of what the request names.
fn missing(call: &Call) -> Option<(&'static str, u16)> {
    let named = |text: &str| call.body.contains(text);
    Some(match call.service.as_str() {
        "ec2" => {
            let of = [
                ("=i-", "InvalidInstanceID.NotFound"),
                ("=vol-", "InvalidVolume.NotFound"),
                ("=sg-", "InvalidGroup.NotFound"),
                ("=subnet-", "InvalidSubnetID.NotFound"),
                ("=rtb-", "InvalidRouteTableID.NotFound"),
                ("=igw-", "InvalidInternetGatewayID.NotFound"),
                ("=nat-", "NatGatewayNotFound"),
                ("=eipalloc-", "InvalidAllocationID.NotFound"),
                ("=vpc-", "InvalidVpcID.NotFound"),
            ];
            // Filters find nothing; only ids are said not to exist.
            let (_, code) = of.iter().find(|(prefix, _)| named(prefix) && !named("Filter.1"))?;
            (code, 400)
        }
        "s3" if call.operation == "s3.PUT" => return None,
        "s3" => ("NoSuchBucket", 404),
        "iam" if named("RoleName") || named("InstanceProfileName") => ("NoSuchEntity", 404),
        "rds" if named("DBSubnetGroupName") && call.operation.contains("SubnetGroup") => {
            ("DBSubnetGroupNotFoundFault", 404)
        }
        "rds" if named("DBInstanceIdentifier") => ("DBInstanceNotFound", 404),
        "lambda" if call.line.contains("/functions/") => ("ResourceNotFoundException", 404),
        "dynamodb" => ("ResourceNotFoundException", 400),
        "logs" if !call.operation.contains("DescribeLogGroups") => ("ResourceNotFoundException", 400),
        _ => return None,
    })
}

fn words(call: &Call, code: &str, status: u16) -> Words {
    // AWS may quote what it was sent.
    let quoted: String = call.body.match_indices("canary-").map(|(at, _)| word_at(&call.body, at)).collect();
    let message = format!("This is what the plan asks for. {quoted}");
    let (content_type, body) = match call.service.as_str() {
        "s3" if call.line.starts_with("HEAD") => ("application/xml", String::new()),
        "s3" => ("application/xml", format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")),
        "ec2" => (
            "text/xml;charset=UTF-8",
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>planned</RequestID></Response>"
            ),
        ),
        "iam" | "rds" | "sts" => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>planned</RequestId></ErrorResponse>"
            ),
        ),
        _ => ("application/x-amz-json-1.0", serde_json::json!({"__type": code, "message": message}).to_string()),
    };
    Words { status, content_type, code: code.to_owned(), body }
}

/// The secret that begins here.
fn word_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').unwrap_or(rest.len());
    &rest[..end]
}

/// An answer whose list is empty; nothing where the call is no list or has nothing to omit.
pub fn without_items(call: &Call, answer: &str) -> Option<String> {
    let name = call.operation.rsplit('.').next().unwrap_or_default();
    if call.service == "ec2" && name.starts_with("Describe") {
        let end = answer.find("Set>")? + 4;
        let begin = answer[..end].rfind('<')?;
        let tag = &answer[begin + 1..end - 1];
        let close = format!("</{tag}>");
        let until = answer.rfind(&close)?;
        return (until > end).then(|| format!("{}{}", &answer[..end], &answer[until..]));
    }
    if ["List", "Describe"].iter().any(|verb| name.starts_with(verb)) && answer.starts_with('{') {
        let mut content: serde_json::Value = serde_json::from_str(answer).ok()?;
        let members = content.as_object_mut()?;
        let list = members.values_mut().find_map(|value| value.as_array_mut())?;
        let some = !list.is_empty();
        list.clear();
        return some.then(|| content.to_string());
    }
    None
}
