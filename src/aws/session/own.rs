//! Who the controller itself is, before it assumes any role.

use super::{Identity, SessionError, Sessions};
use crate::aws::error::Named;
use aws_config::Region;

impl Sessions {
    /// Who the controller itself is, by its default chain and before it assumes any role; asked once, of STS in
    /// `region` where the environment names none.
    ///
    /// # Errors
    /// [`SessionError::Refused`] where AWS does not tell. No policy can deny the question, so that this passes.
    pub async fn own_identity(&self, region: &str) -> Result<Identity, SessionError> {
        let mut own = self.own.lock().await;
        if let Some(known) = &*own {
            return Ok(known.clone());
        }
        let region = self.base.region().cloned().unwrap_or_else(|| Region::new(region.to_owned()));
        let sts = aws_sdk_sts::Client::new(&self.base.to_builder().region(region).build());
        let answer = sts.get_caller_identity().send().await.named("GetCallerIdentity")?;
        Ok(own.insert(Identity { arn: answer.arn.unwrap_or_default() }).clone())
    }
}
