//! The two names of one resource: the one in the kind block, and `spec.resourceId`.
//!
//! Where a kind is named by its users both say which resource is meant. Where they differ, nobody knows
//! which, so that neither is looked at. An object that was stored before this was refused may still be
//! deleted: then only the name in the block counts, under which alone the controller makes anything, and
//! what the other one names is left as it is.

use crate::api::resource::AwsResource;
use crate::kinds::{Invalid, Kind, with_kind};
use crate::lifecycle::news::News;

/// A name and an id that should be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoNames {
    /// The field of the kind block.
    pub field: &'static str,
    /// The name in it.
    pub name: String,
    /// The value of `spec.resourceId`.
    pub id: String,
}

impl TwoNames {
    /// Of an object of this kind; `None` where there is one name, or both are the same.
    pub fn of<K: Kind>(object: &AwsResource, spec: &K::Spec) -> Option<Self> {
        let (id, name) = (object.spec.resource_id.clone()?, K::id(spec)?);
        let field = K::NAME_FIELD.unwrap_or_default();
        (id != name).then_some(Self { field, name, id })
    }

    /// The same of an object of any kind.
    pub fn of_any(object: &AwsResource) -> Option<Self> {
        object.spec.resource_id.as_ref()?;
        with_kind!(object.spec.kind.the_one()?, K, spec => Self::of::<K>(object, &spec))
    }

    /// Why nothing is done, and the way out.
    pub fn invalid(&self) -> Invalid {
        let Self { field, name, id } = self;
        let message = format!(
            "it is {name}, and spec.resourceId is {id}; both name the resource in AWS and must be the same. Delete this object, which leaves {id} in AWS as it is, and declare one without resourceId"
        );
        Invalid { path: field, message }
    }

    /// What is told where the object goes.
    pub fn parting(&self) -> News {
        let Self { field, name, id } = self;
        News::warning(
            "Released",
            format!(
                "{id}, which spec.resourceId names, was not touched, because {field} names {name}. It stays in AWS: delete it there, or declare an object that names it and remove its ccagi: tags first."
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(spec: Value) -> AwsResource {
        let mut spec = spec;
        spec["accountRef"] = json!({"name": "shop"});
        let object = json!({"apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource", "metadata": {"name": "one"}, "spec": spec});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_name_and_another_id_are_two_names() {
        let two = TwoNames::of_any(&object(json!({"resourceId": "b", "s3Bucket": {"bucketName": "a"}}))).unwrap();
        assert_eq!(two, TwoNames { field: "bucketName", name: "a".into(), id: "b".into() });
        assert!(
            two.invalid()
                .to_string()
                .starts_with("bucketName cannot be carried out: it is a, and spec.resourceId is b;")
        );
    }

    #[test]
    fn one_name_is_no_contradiction() {
        for spec in [
            json!({"resourceId": "a", "s3Bucket": {"bucketName": "a"}}),
            json!({"s3Bucket": {"bucketName": "a"}}),
            json!({"resourceId": "i-1", "ec2Instance": {"imageId": "ami-1", "instanceType": "t3.micro"}}),
        ] {
            assert_eq!(TwoNames::of_any(&object(spec)), None);
        }
    }
}
