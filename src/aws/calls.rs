//! Watches every attempt of every AWS call: what was called, what came of it, and how long it took.

use crate::aws::budget::CallBudget;
use crate::aws::codes;
use crate::aws::error::ErrorClass;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One attempt of a call.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The service as its SDK names it, such as `S3`.
    pub service: &'a str,
    /// The API operation, such as `CreateBucket`.
    pub operation: &'a str,
    /// The account's twelve digits.
    pub account: &'a str,
    /// What went wrong, if anything did.
    pub failure: Option<ErrorClass>,
    /// Time from the moment it was sent until the answer was read.
    pub took: Duration,
}

/// Who is told of every attempt.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&Attempt<'_>) + Send + Sync>);

impl Observer {
    /// Tells `tell` of every attempt.
    pub fn new(tell: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

tokio::task_local! {
    static MADE: Cell<u32>;
}

/// Does `work` and counts the attempts of AWS calls that it makes.
pub async fn counted<F: Future>(work: F) -> (F::Output, u32) {
    let counting = async {
        let output = work.await;
        (output, MADE.with(Cell::get))
    };
    MADE.scope(Cell::new(0), counting).await
}

/// The interceptor that watches the calls of one account, in one region where it has a budget.
#[derive(Clone, Debug)]
pub(super) struct CallWatch {
    /// The account's twelve digits.
    pub account: String,
    /// Who is told.
    pub observer: Observer,
    /// The budget of the calls, which learns of answers that throttle.
    pub budget: CallBudget,
}

/// When an attempt was begun.
#[derive(Debug)]
struct Begun(Instant);

impl Storable for Begun {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for CallWatch {
    fn name(&self) -> &'static str {
        "CallWatch"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Begun(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(operation), Some(begun)) = (config.load::<Metadata>(), config.load::<Begun>()) else { return Ok(()) };
        let failure = match context.output_or_error() {
            Some(Ok(_)) => None,
            // Refused by the fence or the budget, and not sent.
            Some(Err(error)) if error.is_interceptor_error() => return Ok(()),
            Some(Err(error)) if error.is_timeout_error() => Some(ErrorClass::Timeout),
            _ => Some(context.response().map_or(ErrorClass::Transient, failure_in)),
        };
        if failure == Some(ErrorClass::Throttled) {
            self.budget.throttled(operation.service(), operation.name());
        }
        // A call outside of a count, such as one for credentials, belongs to no reconcile.
        let _ = MADE.try_with(|made| made.set(made.get() + 1));
        (self.observer.0)(&Attempt {
            service: operation.service(),
            operation: operation.name(),
            account: &self.account,
            failure,
            took: begun.0.elapsed(),
        });
        Ok(())
    }
}

/// What an answer that is no success means.
fn failure_in(response: &HttpResponse) -> ErrorClass {
    let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let code = response.headers().get("x-amzn-errortype").or_else(|| code_in(&body)).map(bare);
    codes::class_of(code, &body, Some(response.status().as_u16()))
}

/// The code in a body: `Code` in XML, `__type` in JSON.
fn code_in(body: &str) -> Option<&str> {
    let between = |start: &str, end: char| body.split_once(start)?.1.split(end).next();
    between("<Code>", '<').or_else(|| between("\"__type\":", ',').map(|text| text.trim_matches([' ', '"', '}'])))
}

/// A code without its namespace and without the address of its documentation.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_failure_is_found_in_xml_and_in_json() {
        let xml = "<Error><Code>NoSuchBucket</Code><Message>No</Message></Error>";
        assert_eq!(code_in(xml), Some("NoSuchBucket"));
        let json = "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\",\"message\":\"No\"}";
        assert_eq!(code_in(json).map(bare), Some("ResourceNotFoundException"));
        assert_eq!(code_in("{\"message\":\"No\"}"), None);
        assert_eq!(bare("TooManyRequestsException:http://internal.amazon.com/"), "TooManyRequestsException");
    }

    #[tokio::test]
    async fn attempts_are_counted_by_the_work_that_makes_them() {
        let call = || MADE.with(|made| made.set(made.get() + 1));
        let inner = counted(async { call() });
        let outer = counted(async {
            call();
            call();
        });
        assert_eq!((inner.await.1, outer.await.1), (1, 2));
    }
}
